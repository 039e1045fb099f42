/**
 * Whose units a request takes. A key says by its beginning what it is (`user:`, `key:`, `own:`,
 * `unknown:`, or a plain address), so that nobody can call himself by the name of another kind.
 */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { clientNetwork, Credentials, type Exchange } from '@org/core';

import type { RateLimitOptions } from './options.ts';
import type { LimitBy } from './policy-options.ts';

/** Longer keys are digested: what is kept of a client is bounded. */
const MAX_KEY_LENGTH = 64;

/** The one key where everybody counts together. */
export const EVERYBODY = '*';

/** Names callers. */
export class Callers {
  private readonly credentials: Credentials;
  private readonly ipv6PrefixBits: number;

  constructor(options: Readonly<RateLimitOptions>) {
    this.credentials = new Credentials(options);
    this.ipv6PrefixBits = options.ipv6PrefixBits;
  }

  keyOf(exchange: Exchange, by: LimitBy): string {
    if (by === 'address') return this.addressOf(exchange);
    if (by === 'none') return EVERYBODY;
    if (by === 'principal') {
      const principal = exchange.peekPrincipal();
      return principal === undefined ? this.addressOf(exchange) : boundedKey(`user:${principal}`);
    }
    if (by === 'credentials') {
      const part = this.credentials.partOf(exchange, by);
      return part === undefined ? this.addressOf(exchange) : `key:${part}`;
    }
    const own = by(exchange);
    return typeof own === 'string' ? boundedKey(`own:${own}`) : this.addressOf(exchange);
  }

  private addressOf({ req }: Exchange): string {
    // A connection that is gone has none, and an answer to it reaches nobody.
    const { ip = '' } = req;
    // What X-Forwarded-For brings, where all of it is believed, may be the name of another kind.
    return isIP(ip) === 0 ? boundedKey(`unknown:${ip}`) : clientNetwork(ip, this.ipv6PrefixBits);
  }

  /** A key that somebody gives: of an address its network, and bounded. */
  givenKey(key: string): string {
    return boundedKey(clientNetwork(key, this.ipv6PrefixBits));
  }
}

/** A key as it is kept: as it is, or its kind and a digest where it is long. */
export function boundedKey(key: string): string {
  if (key.length <= MAX_KEY_LENGTH) return key;
  const kind = /^(?:user|key|own|unknown):/.exec(key)?.[0] ?? '';
  return kind + createHash('sha256').update(key).digest('base64url');
}
