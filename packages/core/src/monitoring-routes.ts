/**
 * The operators' routes: what a component shows of its inside, and what it lets operators do. They
 * are closed to strangers and to what pages of other sites have a browser ask for, never stored,
 * and answered by a step of the phase `edge`, so that no load and no limit hides them.
 */
import type { Request } from 'express';

import type { Exchange } from './exchange.ts';
import { HANDLED, type Step } from './middleware.ts';
import { type MonitoringAccess, monitoringGuard } from './monitoring-guard.ts';
import { ProblemError } from './problem-error.ts';

/** A request that was let in. */
export interface MonitoringCall {
  readonly exchange: Exchange;
  readonly query: URLSearchParams;
  /** What stands in the path for each `:name` of the pattern, decoded. */
  readonly params: Readonly<Record<string, string>>;
}

/** A document that is no JSON. */
export interface MonitoringPage {
  readonly contentType: string;
  readonly body: string | Uint8Array;
  /** Further headers. @default none */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Makes the answer: an object is sent as JSON, a `MonitoringPage` as it is, nothing as 204;
 * `HANDLED` says that it has been answered already. What is thrown goes to the error handlers.
 */
export type MonitoringAnswer = (
  call: MonitoringCall,
) => object | undefined | typeof HANDLED | Promise<object | undefined | typeof HANDLED>;

/** What an address answers, by method; HEAD is GET without the body (RFC 9110 §9.3.2). */
export interface MonitoringRoute {
  readonly GET?: MonitoringAnswer;
  readonly POST?: MonitoringAnswer;
  readonly PUT?: MonitoringAnswer;
  readonly DELETE?: MonitoringAnswer;
  /** GET does something, too, that no page of another site may have done. @default false */
  readonly effects?: boolean;
}

interface Compiled {
  readonly pattern: string;
  /** What every address of it begins with. */
  readonly start: string;
  readonly regexp: RegExp;
  readonly names: readonly string[];
  readonly route: MonitoringRoute;
}

/** Marks what `page()` made. */
const PAGE: unique symbol = Symbol.for('@org/monitoring-page') as never;

/** A document that is no JSON, for a route to answer. */
export function monitoringPage(page: MonitoringPage): object {
  return { ...page, [PAGE]: true };
}

/**
 * Makes the step. Patterns are paths, with `:name` for a segment; other addresses pass.
 * @param access who is let in, in place of loopback
 */
export function monitoringRoutes(
  routes: Readonly<Record<string, MonitoringRoute>>,
  access: MonitoringAccess | undefined,
): Step {
  const mayLookInside = monitoringGuard(access);
  const compiled = Object.entries(routes).map(([pattern, route]) => compileRoute(pattern, route));

  return (exchange) => {
    const { req } = exchange;
    const { url } = req;
    for (const { pattern, start, regexp, names, route } of compiled) {
      // One look tells for nearly every other request.
      if (!url.startsWith(start)) continue;
      const end = url.indexOf('?');
      const found = regexp.exec(end === -1 ? url : url.slice(0, end));
      if (found === null) continue;
      exchange.route = `${req.baseUrl ?? ''}${pattern}`;
      if (!mayLookInside(req))
        throw closed(
          'open to callers with the monitoring token or, where none is set, from loopback',
        );
      const method = req.method === 'HEAD' ? 'GET' : req.method;
      const answer = Object.hasOwn(route, method) ? route[method as 'GET'] : undefined;
      if (answer === undefined) throw notAllowed(route);
      if ((method !== 'GET' || route.effects === true) && isForeign(req)) {
        throw closed('not for pages of other sites');
      }
      const query = new URLSearchParams(end === -1 ? '' : url.slice(end));
      return send(exchange, answer({ exchange, query, params: paramsOf(names, found) }));
    }
    return undefined;
  };
}

function compileRoute(pattern: string, route: MonitoringRoute): Compiled {
  const names = [...pattern.matchAll(/:(\w+)/g)].map(([, name]) => name!);
  const source = pattern
    .split('/')
    .map((segment) =>
      segment.startsWith(':')
        ? '([^/]+)'
        : segment.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`),
    )
    .join('/');
  const start = pattern.split(':')[0]!;
  return { pattern, start, regexp: new RegExp(`^${source}$`), names, route };
}

function paramsOf(names: readonly string[], found: RegExpExecArray): Record<string, string> {
  return Object.fromEntries(names.map((name, at) => [name, decoded(found[at + 1]!)]));
}

/** What is no encoded text is taken as it stands: nothing has that name. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Asked for by a page of another origin. It could not read the answer, but have something done.
 * Browsers say so (Fetch Metadata), and older ones, or over plain HTTP, by the Origin of what is
 * not GET (RFC 6454 §7.2). A proxy may have written another Host; but neither a bearer's token nor
 * `X-Forwarded-Host` can a page send elsewhere without that one's leave (Fetch §3.3.1).
 */
function isForeign({ headers }: Request): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const { authorization = '', host, origin } = headers;
  if (origin === undefined || /^Bearer /i.test(authorization)) return false;
  const from = origin.replace(/^https?:\/\//, '');
  return from !== host && from !== headers['x-forwarded-host'];
}

type Answered = Awaited<ReturnType<MonitoringAnswer>>;

function send(
  exchange: Exchange,
  answered: Answered | Promise<Answered>,
): typeof HANDLED | Promise<typeof HANDLED> {
  if (answered instanceof Promise) return answered.then((late) => sendNow(exchange, late));
  return sendNow(exchange, answered);
}

function sendNow(exchange: Exchange, answered: Answered): typeof HANDLED {
  const { req, res } = exchange;
  // Whoever asked may have gone meanwhile, or have been answered by a deadline.
  if (answered === HANDLED || res.headersSent || res.destroyed || exchange.abandoned)
    return HANDLED;
  res.setHeader('Cache-Control', 'no-store');
  if (answered === undefined) {
    res.statusCode = 204;
    res.end();
    return HANDLED;
  }
  const { contentType, body, headers = {} } = isPage(answered) ? answered : jsonPage(answered);
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  res.statusCode = 200;
  res.setHeader('Content-Type', contentType);
  res.setHeader('X-Content-Type-Options', 'nosniff');
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.setHeader('Content-Length', bytes.byteLength);
  res.end(req.method === 'HEAD' ? undefined : bytes);
  return HANDLED;
}

function isPage(answered: object): answered is MonitoringPage {
  return (answered as { readonly [PAGE]?: true })[PAGE] === true;
}

function jsonPage(document: object): MonitoringPage {
  return { contentType: 'application/json; charset=utf-8', body: JSON.stringify(document) };
}

function closed(why: string): ProblemError {
  return new ProblemError({
    code: 'ERR_MONITORING_CLOSED',
    status: 403,
    detail: `This route is ${why}.`,
  });
}

function notAllowed(route: MonitoringRoute): ProblemError {
  const allowed = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'].filter((method) =>
    Object.hasOwn(route, method === 'HEAD' ? 'GET' : method),
  );
  return new ProblemError({
    code: 'ERR_METHOD_NOT_ALLOWED',
    status: 405,
    detail: `This address allows ${allowed.join(', ')}.`,
    headers: { Allow: allowed.join(', ') },
  });
}
