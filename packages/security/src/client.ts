/** Which address a request is from, and what is wrong with how that is told. */
import { isIP } from 'node:net';
import { report } from '@org/core';
import type { Request } from 'express';

import { bareAddress } from './address-list.ts';

type Trust = (address: string, hops: number) => boolean;

/**
 * The address of the client; nothing where there is none. What `X-Forwarded-For` brings, where any
 * of it is believed, may be any text: long, or the name of somebody else's account.
 */
export function addressOfClient({ ip }: Request): string | undefined {
  return ip !== undefined && isIP(ip) !== 0 ? ip : undefined;
}

/**
 * Whether an address is a proxy of the operator's own: it is connected to us, or named in the
 * setting, and the app's `trust proxy` trusts it. All that is known of such a request is the proxy.
 */
export function isOwnProxy({ app, socket }: Request, address: string): boolean {
  const trust = trustOf(app);
  if (trust === undefined) return false;
  const peer = socket.remoteAddress;
  if (peer !== undefined && bareAddress(peer) === address) return trust(peer, 0);
  // A number of hops, or `true`, says nothing of addresses further away.
  const setting: unknown = app.get('trust proxy');
  return (typeof setting === 'string' || Array.isArray(setting)) && trust(address, 0);
}

/** Tells, once, of a proxy that is not trusted: all its clients look like one, and are blocked as one. */
export class ProxyWarning {
  private given: boolean = false;
  private trustedPeer: string | undefined = undefined;

  check(req: Request): void {
    if (this.given || req.headers['x-forwarded-for'] === undefined) return;
    const { remoteAddress } = req.socket;
    if (remoteAddress === undefined || remoteAddress === this.trustedPeer) return;
    if (trustOf(req.app)?.(remoteAddress, 0) === true) {
      this.trustedPeer = remoteAddress;
      return;
    }
    this.given = true;
    report(
      new Error(
        `A request with X-Forwarded-For came from ${remoteAddress}, which "trust proxy" does not trust: it counts as the client. ` +
          `If that is your proxy, tell Express: app.set('trust proxy', '${remoteAddress}'), or TRUST_PROXY. If it is not, somebody is trying.`,
      ),
      'security reputation',
    );
  }
}

function trustOf(app: Request['app'] | undefined): Trust | undefined {
  return app?.get('trust proxy fn') as Trust | undefined;
}
