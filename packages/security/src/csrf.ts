/**
 * Protection against requests that other sites have a browser send. The browser's own word is
 * asked first, by fetch metadata and Origin, as Go's `CrossOriginProtection` does; signed tokens
 * come on top where they are wanted. It stands behind the reputation and ahead of what costs.
 */
import {
  addressOf,
  Credentials,
  defineMiddleware,
  type Given,
  Listeners,
  type Middleware,
  type ProblemError,
  routeTable,
  type Stats,
  type StepResult,
} from '@org/core';
import type { Request, Response } from 'express';

import { type CsrfOptions, resolveCsrfOptions } from './csrf-options.ts';
import { SECURITY_CHANNEL, type SecurityEvent } from './events.ts';
import { refusalError, refuse } from './refusals.ts';
import { TokenDesk } from './token-desk.ts';

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
      if (closed) return undefined;
      tokens?.offer(req, res);
      if (!needsCheck(req)) return undefined;
      counts.checked++;
      const reason = verdict(req);
      if (reason === undefined) return undefined;
      counts[reason === 'cross-site' ? 'crossSite' : reason]++;
      if (listeners.listening) {
        listeners.tell({ type: 'refused', part: 'csrf', reason, enforced, exchange });
      }
      return enforced ? refuse(exchange, refusal(reason), settings.throwRefusals) : undefined;
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
  return refusalError({ code: 'ERR_CSRF', detail: DETAILS[reason] });
}
