/**
 * Protection against requests that other sites have a browser send. The browser's own word is
 * asked first, by fetch metadata and Origin, as Go's `CrossOriginProtection` does; signed tokens
 * come on top where they are wanted. It stands behind the reputation and ahead of what costs.
 */
import {
  addressOf,
  Credentials,
  defineMiddleware,
  exchangeOf,
  type Given,
  Listeners,
  type Middleware,
  ProblemError,
  routeTable,
  type StateKey,
  stateKey,
  type Stats,
  type StepResult,
} from '@org/core';
import type { Request, Response } from 'express';

import { type CsrfOptions, type CsrfTokenOptions, resolveCsrfOptions } from './csrf-options.ts';
import { equal, mask, Tokens, unmask } from './csrf-token.ts';
import { SECURITY_CHANNEL, type SecurityEvent } from './events.ts';

/** The middleware, and the token that a page needs. */
export interface Csrf extends Middleware {
  /**
   * The token for a page or a script, for this answer alone; sets its cookie where that is
   * missing. `res.locals.csrfToken` is the same.
   * @throws TypeError where no tokens are wanted
   */
  token(req: Request, res: Response): string;
  stats(): Stats;
}

/** Where a request is from, as far as it says. */
type Source = 'own' | 'trusted' | 'cross-site' | 'unknown';

/** RFC 9110 §9.2.1. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Schemes whose credentials a browser repeats by itself (RFC 7617 §2.2, RFC 7616, RFC 4559). */
const AMBIENT = /^\s*(?:basic|digest|negotiate|ntlm)\b/i;

/** Some proxies state it; origins never do. */
const DEFAULT_PORT = /:(?:80|443)$/;

/** Makes the protection. @throws OptionError for unknown or wrong options */
export function csrf(options?: Given<CsrfOptions>): Csrf {
  const { check, unknown, token, harmlessCookies, mode, routes, onEvent, ...settings } =
    resolveCsrfOptions(options);
  const enforced = mode === 'enforce';
  const trusted = new Set(settings.trustedOrigins);
  const isChecked = routeTable('security:csrf', routes);
  const hasRoutes = Object.keys(routes).length > 0;
  const credentials = new Credentials({ credentialHeaders: [], harmlessCookies });
  const listeners = new Listeners<SecurityEvent>(SECURITY_CHANNEL, onEvent, 'security onEvent');
  const tokens = token === undefined ? undefined : new TokenDesk(token);
  const counts = { checked: 0, crossSite: 0, token: 0, unknown: 0 };
  let closed = false;

  function needsCheck(req: Request): boolean {
    if (SAFE.has(req.method)) return false;
    if (hasRoutes && isChecked(addressOf(req)) === false) return false;
    return check === 'always' || carriesAmbient(req);
  }

  /** Of what may say who is calling, what a browser adds by itself. */
  function carriesAmbient(req: Request): boolean {
    const { authorization } = req.headers;
    if (authorization === undefined) return credentials.carriedBy(req);
    return AMBIENT.test(authorization) || credentials.carriedBy(withoutAuthorization(req));
  }

  function sourceOf(req: Request): Source {
    const { headers } = req;
    const site = headers['sec-fetch-site'];
    if (site === 'same-origin' || site === 'none') return 'own';
    const origin = headers.origin ?? originOf(headers.referer);
    if (origin !== undefined && trusted.has(origin)) return 'trusted';
    if (site !== undefined) return 'cross-site';
    if (origin === undefined) return 'unknown';
    // Without fetch metadata: an old browser, or a site without TLS. The scheme is not known here.
    const own = req.host?.toLowerCase().replace(DEFAULT_PORT, '');
    return own !== undefined && hostOf(origin) === own ? 'own' : 'cross-site';
  }

  function verdict(req: Request): 'cross-site' | 'unknown' | 'token' | undefined {
    const source = sourceOf(req);
    if (source === 'cross-site') return 'cross-site';
    if (tokens !== undefined && (tokens.required === 'always' || source === 'unknown')) {
      return tokens.isBrought(req) ? undefined : 'token';
    }
    return source === 'unknown' && unknown === 'refuse' ? 'unknown' : undefined;
  }

  const middleware = defineMiddleware({
    name: 'security:csrf',
    phase: 'protect',
    priority: 20,
    protects: true,
    reason: 'what another site sent in somebody’s name is refused before anything is done for it',
    step(exchange): StepResult {
      const { req, res } = exchange;
      if (closed) return;
      if (tokens !== undefined) offerToken(tokens, req, res);
      if (!needsCheck(req)) return;
      counts.checked++;
      const reason = verdict(req);
      if (reason === undefined) return;
      counts[reason === 'cross-site' ? 'crossSite' : reason]++;
      if (listeners.listening) {
        listeners.tell({ type: 'refused', part: 'csrf', reason, enforced, exchange });
      }
      if (enforced) throw refusal(reason);
    },
    stats: (): Stats => ({
      checkedTotal: counts.checked,
      crossSiteTotal: counts.crossSite,
      unknownTotal: counts.unknown,
      tokenTotal: counts.token,
    }),
    close() {
      closed = true;
    },
  });

  return Object.assign(middleware, {
    token(req: Request, res: Response): string {
      if (tokens !== undefined) return tokens.give(req, res);
      throw new TypeError(
        'csrf: there are no tokens. Give the option token: { secret, sessionOf }.',
      );
    },
  }) as Csrf;
}

/** Gives tokens out and takes them back. */
class TokenDesk {
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

  isBrought(req: Request): boolean {
    const submitted = this.settings.tokenOf(req);
    const kept = cookieOf(req, this.settings.cookie);
    if (typeof submitted !== 'string' || kept === undefined) return false;
    if (!equal(unmask(submitted), kept)) return false;
    return this.tokens.isValid(kept, this.settings.sessionOf(req) ?? '');
  }
}

function offerToken(tokens: TokenDesk, req: Request, res: Response): void {
  Object.defineProperty(res.locals, 'csrfToken', {
    configurable: true,
    enumerable: true,
    get: () => tokens.give(req, res),
  });
}

/** The first of a name; values that we made need no decoding. */
function cookieOf({ headers }: Request, name: string): string | undefined {
  for (const pair of headers.cookie?.split(';') ?? []) {
    const [key, value] = pair.split('=', 2);
    if (key?.trim() === name) return value?.trim();
  }
  return undefined;
}

function withoutAuthorization(req: Request): Request {
  const { socket, headers } = req;
  return { socket, headers: { ...headers, authorization: undefined } } as unknown as Request;
}

function originOf(referer: string | undefined): string | undefined {
  return referer !== undefined && URL.canParse(referer) ? new URL(referer).origin : undefined;
}

/** Of `null`, and of what is no origin, nothing: it is never ours. */
function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

const DETAILS = Object.freeze({
  'cross-site': 'The request comes from another site, and would be made in the name of its user.',
  unknown: 'The request does not tell which site it comes from. Send an Origin header.',
  token: 'The request needs the CSRF token of its session, which is missing or not valid.',
});

function refusal(reason: keyof typeof DETAILS): ProblemError {
  return new ProblemError({ code: 'ERR_CSRF', status: 403, detail: DETAILS[reason] });
}
