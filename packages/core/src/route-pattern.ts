/**
 * Names a request by the router's pattern, never by its raw URL, so that series
 * and log lines stay few. Express keeps the matched route's own pattern in
 * `req.route`, but of the mounts above it only the raw URL; the patterns of those
 * come from the router's public `listRoutes()` (router 2.3). The list is made when
 * a route is first seen, not per request.
 */
import type { Application, Request } from 'express';

import { appRoutes, joinPatterns, mountPattern } from './listed-routes.ts';

/** What one app's routers list: from a route's own path to the whole patterns it may stand for. */
type RouteIndex = Map<string, string[]>;

const INDEX: unique symbol = Symbol.for('@org/route-index') as never;

/** The composed pattern of the matched route, or nothing when none has matched. */
export function routePattern(req: Request): string | undefined {
  const own = (req as { route?: { path: unknown } }).route?.path;
  if (own === undefined) return undefined;
  const last = Array.isArray(own)
    ? (own.find((path) => matches(String(path), req.path)) ?? own[0])
    : own;
  const path = String(last);
  const app = req.app as (Application & { [INDEX]?: RouteIndex }) | undefined;
  if (app === undefined) return path;
  let index = app[INDEX];
  if (index === undefined || !index.has(path)) {
    index = indexRoutes(app);
    // A route that no router lists is remembered as itself: the list is not made again for it.
    if (!index.has(path)) index.set(path, [path]);
    Object.defineProperty(app, INDEX, { value: index, configurable: true });
  }
  const candidates = index.get(path)!;
  const within = mountPattern(app);
  if (candidates.length === 1) return joinPatterns(within, candidates[0]!);
  const url = pathname(req.originalUrl);
  const whole = candidates.map((candidate) => joinPatterns(within, candidate));
  return whole.find((candidate) => matches(candidate, url)) ?? whole[0];
}

function indexRoutes(app: Application): RouteIndex {
  const index: RouteIndex = new Map();
  for (const { path, pattern } of appRoutes(app)) {
    const known = index.get(path) ?? [];
    if (!known.includes(pattern)) known.push(pattern);
    index.set(path, known);
  }
  return index;
}

function pathname(url: string): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}

/** Whether a URL's path can have come from a pattern: segment by segment, parameters match anything. */
function matches(pattern: string, path: string): boolean {
  const expected = pattern.split('/').filter(Boolean);
  const actual = path.split('/').filter(Boolean);
  for (const [at, segment] of expected.entries()) {
    if (segment.includes('*')) return true;
    const value = actual[at];
    if (value === undefined) return segment.includes('{');
    if (!/[:{(]/.test(segment) && segment.toLowerCase() !== value.toLowerCase()) return false;
  }
  return actual.length === expected.length;
}
