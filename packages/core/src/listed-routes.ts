/**
 * The routes of an app, as its routers list them (the public `listRoutes()` of router 2.3).
 * Routes of apps that are mounted as apps are their own to tell.
 */
import { METHODS } from 'node:http';
import type { Application } from 'express';

/** What a router says of one of its routes, or of a router that is mounted in it. */
export interface ListedRoute {
  readonly path: string | RegExp;
  /** Absent for a mounted router; `*` stands for any. */
  readonly methods: readonly string[] | undefined;
  readonly router: ListingRouter | undefined;
}

/** A router, as far as its list goes. */
export interface ListingRouter {
  listRoutes?(): readonly ListedRoute[];
}

/** A route of an app, wherever in its routers it stands. */
export interface AppRoute {
  /** As it was given to its own router. */
  readonly path: string;
  /** Over all mounts within the app, and without those of the app itself. */
  readonly pattern: string;
  /** As the router lists them; `*` alone stands for any. */
  readonly methods: readonly string[];
}

/** Routers deeper than this are not looked into: one may be mounted in itself. */
export const MAX_ROUTER_DEPTH = 16;

/** Every route of an app, in the order in which the app asks them. */
export function appRoutes(app: Application): readonly AppRoute[] {
  const found: AppRoute[] = [];
  const walk = (router: ListingRouter, prefix: string, depth: number): void => {
    for (const { path, methods = [], router: nested } of router.listRoutes?.() ?? []) {
      const pattern = joinPatterns(prefix, String(path));
      if (nested === undefined) {
        found.push({ path: String(path), pattern, methods: isAny(methods) ? ['*'] : methods });
      } else if (depth < MAX_ROUTER_DEPTH) {
        walk(nested, pattern, depth + 1);
      }
    }
  };
  walk(app.router as ListingRouter, '', 0);
  return found;
}

/** The patterns under which an app is mounted on its parents; empty for one that stands alone. */
export function mountPattern(app: Application & { readonly parent?: Application }): string {
  if (app.parent === undefined) return '';
  return joinPatterns(mountPattern(app.parent), [app.mountpath].flat()[0]!);
}

/** One pattern below another. */
export function joinPatterns(prefix: string, path: string): string {
  const head = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  if (path === '/' || path === '') return head === '' ? '/' : head;
  return path.startsWith('/') ? head + path : `${head}/${path}`;
}

/** `app.all` is a route for each method that Node knows, `router.all` one for any. */
function isAny(methods: readonly string[]): boolean {
  return methods.includes('*') || METHODS.every((method) => methods.includes(method));
}
