/**
 * What is mounted where, from the routers themselves: patterns and methods by the router's public
 * list (router 2.3), handlers from the layers of its routes. Apps that are mounted in others keep
 * their routers to themselves; ask for a document of each.
 */
import {
  joinPatterns,
  type ListingRouter as ListedRouter,
  MAX_ROUTER_DEPTH,
  mountPattern,
} from '@org/core';
import type { Application } from 'express';

import { METHODS, type RouteDescription } from './description.ts';
import { descriptionOf, type RouteHandler } from './route.ts';

/** One method of one address. */
export interface MountedRoute {
  /** In lower case; `all` takes every one. */
  readonly method: string;
  /** The whole pattern, such as `/api/cities/:id`. */
  readonly pattern: string | RegExp;
  /** The first handler with a description, if there is one. */
  readonly handler: RouteHandler | undefined;
  readonly description: Readonly<RouteDescription> | undefined;
}

interface RouteLayer {
  /** In lower case; absent for `all`. */
  readonly method?: string;
  readonly handle: unknown;
}

interface Layer {
  readonly route?: { readonly path: unknown; readonly stack: readonly RouteLayer[] };
}

interface ListingRouter extends ListedRouter {
  readonly stack?: readonly Layer[];
}

/** Every route of an app, in the order in which the app asks them. */
export function mountedRoutes(app: Application): readonly MountedRoute[] {
  const found: MountedRoute[] = [];
  walk(app.router as ListingRouter, mountPattern(app), 0, found);
  return found;
}

/** Whether two lists are of the same routes. */
export function areSame(one: readonly MountedRoute[], other: readonly MountedRoute[]): boolean {
  return (
    one.length === other.length &&
    one.every((route, at) => {
      const { method, pattern, handler } = other[at]!;
      return route.method === method && route.pattern === pattern && route.handler === handler;
    })
  );
}

function walk(router: ListingRouter, prefix: string, depth: number, found: MountedRoute[]): void {
  if (depth > MAX_ROUTER_DEPTH) return;
  // The list names a route once for each of its paths, in the order of the layers.
  const layers = (router.stack ?? []).flatMap(({ route }) =>
    route === undefined ? [] : [route.path].flat(Infinity).map(() => route),
  );
  let at = 0;
  for (const { path, router: nested } of router.listRoutes?.() ?? []) {
    const pattern = path instanceof RegExp ? path : joinPatterns(prefix, path);
    if (nested !== undefined) {
      if (typeof pattern === 'string') walk(nested, pattern, depth + 1, found);
      // Below a regular expression no address can be told: what is there is one that is not.
      else found.push({ method: 'all', pattern, handler: undefined, description: undefined });
      continue;
    }
    for (const [method, handlers] of handlersOf(layers[at++]?.stack ?? [])) {
      const handler = handlers.find((one) => descriptionOf(one) !== undefined) as
        | RouteHandler
        | undefined;
      found.push({ method, pattern, handler, description: descriptionOf(handler) });
    }
  }
}

/** The handlers of a route by method. */
function handlersOf(stack: readonly RouteLayer[]): ReadonlyMap<string, readonly unknown[]> {
  const byMethod = new Map<string, unknown[]>();
  for (const { method = 'all', handle } of stack) {
    byMethod.set(method, [...(byMethod.get(method) ?? []), handle]);
  }
  // `app.all` is a layer for each method that Node knows.
  if (METHODS.every((method) => byMethod.has(method))) {
    return new Map([['all', byMethod.get('get')!]]);
  }
  // What `route.all` puts around the methods of a route, such as who may, is no method of its own.
  const around = byMethod.get('all');
  if (byMethod.size > 1 && around?.every((one) => descriptionOf(one) === undefined) === true) {
    byMethod.delete('all');
  }
  return byMethod;
}
