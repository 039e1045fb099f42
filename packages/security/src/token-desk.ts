/** Where tokens are given out, with the cookie that goes with them, and taken back. */
import { exchangeOf, type StateKey, stateKey } from '@org/core';
import type { Request, Response } from 'express';

import type { CsrfTokenOptions } from './csrf-options.ts';
import { equal, mask, Tokens, unmask } from './csrf-token.ts';

/** Gives tokens out and takes them back. */
export class TokenDesk {
  readonly required: CsrfTokenOptions['required'];
  private readonly settings: CsrfTokenOptions;
  private readonly tokens: Tokens;
  private readonly attributes: string;
  /** The token that an answer sets already: asked for twice, it is set once. */
  private readonly given: StateKey<string> = stateKey('security:csrf');

  constructor(settings: CsrfTokenOptions) {
    const { secret, sameSite, httpOnly, required } = settings;
    this.settings = settings;
    this.required = required;
    this.tokens = new Tokens(typeof secret === 'string' ? [secret] : secret);
    // A name with __Host- asks for all of it: this host alone, over TLS (RFC 6265bis §4.1.3.2).
    this.attributes = `; Path=/; Secure; SameSite=${sameSite}${httpOnly ? '; HttpOnly' : ''}`;
  }

  /** The token for this answer; sets the cookie where there is none, or one that an old secret signed. */
  give(req: Request, res: Response): string {
    const exchange = exchangeOf(req, res);
    // Whoever would share the answer must not: the token is one session's.
    void exchange.principal;
    const session = this.settings.sessionOf(req) ?? '';
    const kept = exchange.getState(this.given) ?? cookieOf(req, this.settings.cookie);
    if (kept !== undefined && this.tokens.isCurrent(kept, session)) return mask(kept);
    const made = this.tokens.make(session);
    res.appendHeader('Set-Cookie', `${this.settings.cookie}=${made}${this.attributes}`);
    exchange.setState(this.given, made);
    return mask(made);
  }

  /** Whether a request brings the token of its session, twice. */
  isBrought(req: Request): boolean {
    const submitted = this.settings.tokenOf(req);
    const kept = cookieOf(req, this.settings.cookie);
    if (typeof submitted !== 'string' || kept === undefined) return false;
    if (!equal(unmask(submitted), kept)) return false;
    return this.tokens.isValid(kept, this.settings.sessionOf(req) ?? '');
  }

  /** Offers the token to whatever renders the answer. */
  offer(req: Request, res: Response): void {
    Object.defineProperty(res.locals, 'csrfToken', {
      configurable: true,
      enumerable: true,
      get: () => this.give(req, res),
    });
  }
}

/** The first of a name; values that we made need no decoding. */
function cookieOf({ headers }: Request, name: string): string | undefined {
  for (const pair of headers.cookie?.split(';') ?? []) {
    const [key, value] = pair.split('=', 2);
    if (key?.trim() === name) return value?.trim();
  }
  return undefined;
}
