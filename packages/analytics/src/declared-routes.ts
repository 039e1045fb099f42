/** The routes of an app, each with its methods, in the spelling in which the exchange names the one that matched. */
import { appRoutes, joinPatterns, mountPattern } from '@org/core';
import type { Application } from 'express';

/** A route and one of its methods; `*` stands for any. */
export interface DeclaredRoute {
  readonly method: string;
  readonly route: string;
}

/** All of them, each once, in the order in which they stand. */
export function declaredRoutes(app: Application): readonly DeclaredRoute[] {
  const found = new Map<string, DeclaredRoute>();
  const mount = mountPattern(app);
  for (const { pattern, methods } of appRoutes(app)) {
    const route = joinPatterns(mount, pattern);
    for (const method of methods) {
      // RFC 9110 §9.3.2: GET answers HEAD, and the router lists it with it.
      if (method === 'HEAD' && methods.includes('GET')) continue;
      found.set(`${method} ${route}`, { method, route });
    }
  }
  return [...found.values()];
}
