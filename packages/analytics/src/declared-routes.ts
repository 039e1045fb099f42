/**
 * The routes of an app as its routers list them, in the spelling in which the exchange names the
 * route that matched. Routes of apps that are mounted as apps are their own to tell.
 */
import type { Application } from 'express';

/** A route and one of its methods; `*` stands for any. */
export interface DeclaredRoute {
  readonly method: string;
  readonly route: string;
}

interface ListedRoute {
  readonly path: string | RegExp;
  readonly methods: readonly string[] | undefined;
  readonly router: ListingRouter | undefined;
}

interface ListingRouter {
  listRoutes?(): readonly ListedRoute[];
}

/** Routers deeper than this are not looked into: one may be mounted in itself. */
const MAX_DEPTH = 16;

/** All of them, each once, in the order in which they stand. */
export function declaredRoutes(app: Application): readonly DeclaredRoute[] {
  const found = new Map<string, DeclaredRoute>();
  const walk = (router: ListingRouter, prefix: string, depth: number): void => {
    for (const { path, methods, router: nested } of router.listRoutes?.() ?? []) {
      const route = join(prefix, String(path));
      if (nested !== undefined) {
        if (depth < MAX_DEPTH) walk(nested, route, depth + 1);
        continue;
      }
      for (const method of methods ?? []) {
        // RFC 9110 §9.3.2: GET answers HEAD, and the router lists it with it.
        if (method === 'HEAD' && methods!.includes('GET')) continue;
        found.set(`${method} ${route}`, { method, route });
      }
    }
  };
  walk(app.router as ListingRouter, mountPath(app), 0);
  return [...found.values()];
}

/** The patterns under which an app is mounted on its parents. */
function mountPath(app: Application & { readonly parent?: Application }): string {
  if (app.parent === undefined) return '';
  const [mount] = [app.mountpath].flat();
  return join(mountPath(app.parent), mount!);
}

function join(prefix: string, path: string): string {
  const head = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  if (path === '/' || path === '') return head === '' ? '/' : head;
  return path.startsWith('/') ? head + path : `${head}/${path}`;
}
