/**
 * Names a request by the router's pattern, never by its raw URL, so that series
 * and log lines stay few. Express keeps the matched route's own pattern in
 * `req.route`, but of the mounts above it only the raw URL; the patterns of those
 * come from the router's public `listRoutes()` (router 2.3). The list is made when
 * a route is first seen, not per request.
 */
import type { Application, Request, Router } from 'express';

interface ListedRoute {
  readonly path: string | RegExp;
  readonly methods: readonly string[] | undefined;
  readonly router: ListingRouter | undefined;
}

interface ListingRouter {
  listRoutes?(): ListedRoute[];
}

/** What one app's routers list: from a route's own path to the whole patterns it may stand for. */
type RouteIndex = Map<string, string[]>;

const INDEX: unique symbol = Symbol.for('@org/route-index') as never;
/** How deep routers may be nested before the rest is ignored. */
const MAX_DEPTH = 16;

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
  const within = mountPath(app);
  if (candidates.length === 1) return join(within, candidates[0]!);
  const url = pathname(req.originalUrl);
  const whole = candidates.map((candidate) => join(within, candidate));
  return whole.find((candidate) => matches(candidate, url)) ?? whole[0];
}

function indexRoutes(app: Application): RouteIndex {
  const index: RouteIndex = new Map();
  const walk = (router: ListingRouter, prefix: string, depth: number): void => {
    for (const { path, router: nested } of router.listRoutes?.() ?? []) {
      const pattern = join(prefix, String(path));
      if (nested !== undefined) {
        if (depth < MAX_DEPTH) walk(nested, pattern, depth + 1);
        continue;
      }
      const known = index.get(String(path)) ?? [];
      if (!known.includes(pattern)) known.push(pattern);
      index.set(String(path), known);
    }
  };
  walk(app.router as Router & ListingRouter, '', 0);
  return index;
}

/** The patterns under which an app is mounted on its parents. */
function mountPath(app: Application & { parent?: Application }): string {
  let path = '';
  for (let at: typeof app | undefined = app; at?.parent !== undefined; at = at.parent) {
    const mount = Array.isArray(at.mountpath) ? at.mountpath[0]! : at.mountpath;
    path = join(mount, path);
  }
  return path;
}

function join(prefix: string, path: string): string {
  const head = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  if (path === '/' || path === '') return head === '' ? '/' : head;
  return path.startsWith('/') ? head + path : `${head}/${path}`;
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
