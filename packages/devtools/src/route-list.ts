/**
 * What is mounted where: patterns and methods by the router's public list (router 2.3), how many
 * middlewares of Express run ahead of each, and what has come of the requests that were seen.
 */
import { METHODS } from 'node:http';
import type { Application } from 'express';

import type { ExchangeRecord } from './exchange-record.ts';

/** A route as it is shown. */
export interface RouteReport {
  /** `*` takes every method. */
  readonly methods: readonly string[];
  /** The whole pattern, such as `/api/hotels/:id`. */
  readonly route: string;
  /** Middlewares of Express' own routers that may run ahead of it; those of a whole not counted. */
  readonly middlewares: number;
  /** It is answered from a schema until there is a handler. */
  readonly mocked: boolean;
  /** Requests seen since the start. */
  readonly hits: number;
  readonly lastStatus: number | undefined;
}

interface Listed {
  readonly path: string | RegExp;
  readonly methods: readonly string[] | undefined;
  readonly router: ListingRouter | undefined;
}

interface Layer {
  readonly route?: object | undefined;
  readonly handle: unknown;
  readonly rawPath?: unknown;
}

interface ListingRouter {
  readonly stack?: readonly Layer[];
  listRoutes?(): readonly Listed[];
}

/** A route of the routers. */
export interface MountedRoute {
  readonly methods: readonly string[];
  readonly route: string;
  readonly middlewares: number;
}

/** Routers deeper than this are not looked into: one may be mounted in itself. */
const MAX_DEPTH = 16;
/** How many routes are counted. */
const MAX_COUNTED = 2000;

/** Every route of an application, in the order in which it asks them. */
export function mountedRoutes(app: Application): readonly MountedRoute[] {
  const found: MountedRoute[] = [];
  walk(app.router, '', 0, 0, found);
  return found;
}

function walk(
  router: ListingRouter,
  prefix: string,
  above: number,
  depth: number,
  found: MountedRoute[],
): void {
  if (depth > MAX_DEPTH) return;
  const listed = [...(router.listRoutes?.() ?? [])];
  let middlewares = above;
  for (const layer of router.stack ?? []) {
    const isRouter =
      layer.route === undefined && Array.isArray((layer.handle as ListingRouter).stack);
    if (layer.route === undefined && !isRouter) {
      middlewares++;
      continue;
    }
    // The list names a layer once for each of its paths.
    const paths = Array.isArray(layer.rawPath) ? layer.rawPath.length : 1;
    for (const { path, methods, router: nested } of listed.splice(0, paths)) {
      const route = join(prefix, String(path));
      if (nested !== undefined) walk(nested, route, middlewares, depth + 1, found);
      else found.push({ methods: shortly(methods ?? ['*']), route, middlewares });
    }
  }
}

/** `app.all` is a layer for each method that Node knows. */
function shortly(methods: readonly string[]): readonly string[] {
  return METHODS.every((method) => methods.includes(method)) ? ['*'] : methods;
}

interface RouteCount {
  hits: number;
  lastStatus: number;
  /** Which of all requests came last. */
  turn: number;
}

/** Counts what comes of requests, by method and route. */
export class RouteCounts {
  private readonly counts: Map<string, RouteCount> = new Map();
  private turn: number = 0;

  add({ method, route, status }: Pick<ExchangeRecord, 'method' | 'route' | 'status'>): void {
    if (route === undefined) return;
    const key = `${method} ${route}`;
    const turn = ++this.turn;
    const known = this.counts.get(key);
    if (known !== undefined)
      Object.assign(known, { hits: known.hits + 1, lastStatus: status, turn });
    else if (this.counts.size < MAX_COUNTED)
      this.counts.set(key, { hits: 1, lastStatus: status, turn });
  }

  /** Of all methods of a route together. */
  of(methods: readonly string[], route: string): Pick<RouteReport, 'hits' | 'lastStatus'> {
    const found = methods.includes('*')
      ? [...this.counts].filter(([key]) => key.endsWith(` ${route}`)).map(([, counts]) => counts)
      : methods.flatMap((method) => this.counts.get(`${method} ${route}`) ?? []);
    const [last] = found.toSorted((one, other) => other.turn - one.turn);
    return {
      hits: found.reduce((sum, { hits }) => sum + hits, 0),
      lastStatus: last?.lastStatus,
    };
  }
}

/** What is mounted, and after it what is answered from schemas alone. */
export function routeReports(
  app: Application,
  mocked: readonly { readonly method: string; readonly route: string }[],
  counts: RouteCounts,
): readonly RouteReport[] {
  const mounted = mountedRoutes(app);
  const hasHandler = (method: string, route: string): boolean =>
    mounted.some((one) => one.route === route && one.methods.includes(method));
  return [
    ...mounted.map((one) => ({ ...one, mocked: false })),
    ...mocked
      .filter(({ method, route }) => !hasHandler(method, route))
      .map(({ method, route }) => ({ methods: [method], route, middlewares: 0, mocked: true })),
  ].map((one) => ({ ...one, ...counts.of(one.methods, one.route) }));
}

function join(prefix: string, path: string): string {
  const head = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  if (path === '/' || path === '') return head === '' ? '/' : head;
  return path.startsWith('/') ? head + path : `${head}/${path}`;
}
