/**
 * Who a request may be from. What stands ahead of the application acts before a session or
 * a key has been checked, so it goes by what a request carries, not by whether it is valid.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Request } from 'express';

import type { Exchange } from './exchange.ts';
import { type Check, either, func, oneOf } from './options.ts';

/**
 * Whose requests count as one's own: `none` tells nobody apart; `credentials` goes by what a
 * request carries, `principal` by `exchange.principal`; a function names the part itself
 * (`undefined`: everybody).
 */
export type Partition =
  | 'none'
  | 'credentials'
  | 'principal'
  | ((exchange: Exchange) => string | undefined);

/** The option check for `Partition`. */
export const partitionCheck: Check<Partition> = either(
  oneOf('none', 'credentials', 'principal'),
  func<(exchange: Exchange) => string | undefined>(),
);

/** Where requests carry credentials. */
export interface CredentialOptions {
  /** Request headers that carry credentials, besides `Authorization`, `Proxy-Authorization` and `Cookie`. */
  readonly credentialHeaders: readonly string[];
  /** Cookies that identify nobody; `_ga*` is a prefix. A request with no others counts as one without. */
  readonly harmlessCookies: readonly string[];
}

/** Headers that usually carry keys. */
export const CREDENTIAL_DEFAULTS: Readonly<CredentialOptions> = Object.freeze<CredentialOptions>({
  credentialHeaders: Object.freeze(['x-api-key', 'api-key', 'x-auth-token', 'x-access-token']),
  harmlessCookies: Object.freeze([]),
});

/** Reads what a request carries of its sender. */
export class Credentials {
  private readonly fields: readonly string[];
  private readonly isHarmless: (cookieName: string) => boolean;
  private readonly anyHarmless: boolean;

  constructor({ credentialHeaders, harmlessCookies }: CredentialOptions) {
    this.fields = [
      'proxy-authorization',
      ...credentialHeaders.map((name) => name.toLowerCase()),
    ].filter((name) => name !== 'cookie' && name !== 'authorization');
    this.isHarmless = nameMatcher(harmlessCookies);
    this.anyHarmless = harmlessCookies.length > 0;
  }

  /** Whether a request carries anything that may say who is calling. */
  carriedBy(req: Request): boolean {
    const { headers } = req;
    if (headers.authorization !== undefined) return true;
    if (headers.cookie !== undefined && !this.allHarmless(headers.cookie)) return true;
    for (const name of this.fields) if (headers[name] !== undefined) return true;
    return hasCertificate(req);
  }

  /**
   * The part of the key that says whose answer it is; absent where it is everybody's. A
   * part is hashed: keys reach stores and logs, credentials must not.
   */
  partOf(exchange: Exchange, partition: Partition): string | undefined {
    if (partition === 'none') return undefined;
    const part =
      partition === 'principal'
        ? exchange.peekPrincipal()
        : partition === 'credentials'
          ? this.carried(exchange.req)
          : partition(exchange);
    return part === undefined ? undefined : createHash('sha256').update(part).digest('base64url');
  }

  private carried(req: Request): string | undefined {
    if (!this.carriedBy(req)) return undefined;
    const { headers } = req;
    // A resumed session may not show its certificate: nobody shares with one who is not known.
    const certificate = hasCertificate(req)
      ? ((req.socket as TLSSocket).getPeerCertificate().fingerprint256 ?? randomUUID())
      : undefined;
    return JSON.stringify([
      headers.authorization,
      headers.cookie,
      ...this.fields.map((name) => headers[name]),
      certificate,
    ]);
  }

  private allHarmless(cookie: string): boolean {
    return (
      this.anyHarmless &&
      cookie.split(';').every((pair) => {
        const whole = pair.trim();
        return whole === '' || this.isHarmless(whole.split('=', 1)[0]!.trim());
      })
    );
  }
}

/** A client certificate that the server has accepted. */
function hasCertificate({ socket }: Request): boolean {
  // A plain socket has none.
  return 'authorized' in socket && (socket as TLSSocket).authorized;
}

/** Matches names; one that ends in `*` is a prefix. */
function nameMatcher(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')));
  const prefixes = patterns
    .filter((pattern) => pattern.endsWith('*'))
    .map((pattern) => pattern.slice(0, -1));
  return (name) => exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix));
}
