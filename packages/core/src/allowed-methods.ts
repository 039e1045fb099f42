/**
 * Which methods an address allows, from the router's own list of routes, so that a
 * 405, and an answer to OPTIONS, carries a true Allow (RFC 9110 §15.5.6, §9.3.7). The list
 * is public since router 2.3; paths are matched by the library that the router itself
 * matches with.
 */
import type { Application, Request } from 'express';
import { match } from 'path-to-regexp';

import {
  joinPatterns,
  type ListingRouter as ListedRouter,
  MAX_ROUTER_DEPTH,
} from './listed-routes.ts';

/** A router with the settings that it was made with. */
interface ListingRouter extends ListedRouter {
  readonly caseSensitive?: boolean;
  readonly strict?: boolean;
  /** One layer for each route, mounted router and plain middleware. */
  readonly stack?: readonly unknown[];
}

/** Answers the part of a path that it matched, or nothing. */
type Matcher = (path: string) => string | undefined;

interface Node {
  readonly pattern: string;
  readonly matches: Matcher;
  /** Absent for a mounted router. */
  readonly methods: readonly string[] | undefined;
  readonly children: readonly Node[];
}

interface Listed {
  readonly nodes: readonly Node[];
  /** The path as the routes of the app see it, which may be mounted in another. */
  readonly within: (path: string) => string;
  readonly madeMs: number;
  /** Every router that was listed, and how many layers it had. */
  readonly sizes: Map<ListingRouter, number>;
}

/** What the routes say about an address. */
export interface Allowed {
  /** Methods of every route that matches, in the order of the routes; `*` stands for all. */
  readonly methods: ReadonlySet<string>;
  /** The whole pattern of the first route that matches. */
  readonly pattern: string;
  /** Whether a route takes this method; what it then does with the request is its own. */
  takes(method: string): boolean;
}

/** Looks an address up; nothing where no route matches it. `nowMs` is monotonic. */
export type AllowedMethods = (req: Request, nowMs: number) => Allowed | undefined;

/** Methods that are added to a route after it was listed are seen after this time. */
const STALE_AFTER_MS = 1000;

/**
 * Makes a lookup with a memory of its own. Routes that are added later are seen at once, methods
 * that are added to a listed route within a second.
 */
export function allowedMethods(): AllowedMethods {
  const lists = new WeakMap<Application, Listed>();
  return (req, nowMs) => {
    const app = req.app as Application | undefined;
    if (app === undefined) return undefined;
    let listed = lists.get(app);
    if (listed === undefined || !isCurrent(listed, nowMs)) {
      const sizes = new Map<ListingRouter, number>();
      const nodes = listNodes(app.router as ListingRouter, 0, sizes);
      listed = { nodes, within: withinApp(app), madeMs: nowMs, sizes };
      lists.set(app, listed);
    }
    const methods = new Set<string>();
    const found = collect(listed.nodes, listed.within(req.baseUrl + req.path), '', methods);
    if (found === undefined) return undefined;
    return {
      methods,
      pattern: found,
      takes: (method) => methods.has('*') || methods.has(method),
    };
  };
}

/** The methods for an Allow header: what the routes take, and OPTIONS, which is answered for them. */
export function allowHeader(methods: ReadonlySet<string>): string {
  return [...new Set([...methods, 'OPTIONS'])].join(', ');
}

function isCurrent({ madeMs, sizes }: Listed, nowMs: number): boolean {
  if (nowMs - madeMs >= STALE_AFTER_MS) return false;
  for (const [router, size] of sizes) if (router.stack?.length !== size) return false;
  return true;
}

function listNodes(
  router: ListingRouter,
  depth: number,
  sizes: Map<ListingRouter, number>,
): Node[] {
  if (depth > MAX_ROUTER_DEPTH) return [];
  sizes.set(router, router.stack?.length ?? Number.NaN);
  const { caseSensitive: sensitive = false, strict = false } = router;
  return (router.listRoutes?.() ?? []).map(({ path, methods, router: nested }) => ({
    pattern: String(path),
    matches: matcher(path, {
      sensitive,
      strict: nested === undefined && strict,
      end: nested === undefined,
    }),
    methods,
    children: nested === undefined ? [] : listNodes(nested, depth + 1, sizes),
  }));
}

/** Adds the methods of every route that matches, and answers the first one's pattern. */
function collect(
  nodes: readonly Node[],
  path: string,
  prefix: string,
  methods: Set<string>,
): string | undefined {
  let first: string | undefined;
  for (const node of nodes) {
    const matched = node.matches(path);
    if (matched === undefined) continue;
    const pattern = joinPatterns(prefix, node.pattern);
    if (node.methods === undefined) {
      const rest = restOf(path, matched);
      if (rest !== undefined) {
        const found = collect(node.children, rest, pattern, methods);
        first ??= found;
      }
    } else {
      for (const method of node.methods) methods.add(method);
      first ??= pattern;
    }
  }
  return first;
}

interface MatcherOptions {
  readonly sensitive: boolean;
  readonly strict: boolean;
  readonly end: boolean;
}

function matcher(path: string | RegExp, { sensitive, strict, end }: MatcherOptions): Matcher {
  if (path instanceof RegExp) {
    return (url) => {
      path.lastIndex = 0;
      return path.exec(url)?.[0];
    };
  }
  if (path === '/' && !end) return () => '';
  const loose = strict || path === '/' ? path : path.replace(/\/+$/, '');
  const matches = match(loose, { sensitive, end, trailing: !strict, decode: false });
  return (url) => {
    const found = matches(url);
    return found === false ? undefined : found.path;
  };
}

/** What a mounted router gets to see: a mount ends at a slash. */
function restOf(path: string, matched: string): string | undefined {
  if (!path.startsWith(matched)) return undefined;
  const rest = path.slice(matched.length);
  if (rest === '') return '/';
  if (rest.startsWith('/')) return rest;
  return matched.endsWith('/') ? `/${rest}` : matched === '' ? rest : undefined;
}

/** Takes the mounts of an app, and of those around it, off a path. */
function withinApp(app: Application & { parent?: Application }): (path: string) => string {
  if (app.parent === undefined) return (path) => path;
  const outside = withinApp(app.parent);
  const mounts = [app.mountpath]
    .flat()
    .map((mount) => matcher(mount, { sensitive: false, strict: false, end: false }));
  return (path) => {
    const outer = outside(path);
    for (const matches of mounts) {
      const matched = matches(outer);
      const rest = matched === undefined ? undefined : restOf(outer, matched);
      if (rest !== undefined) return rest;
    }
    return outer;
  };
}
