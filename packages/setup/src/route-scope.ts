/**
 * Where a middleware takes part: paths to include and to exclude. Paths are compared
 * as Express compares them by default: without case, without a trailing slash.
 */
import { addressOf, type Exchange } from '@org/core';

import type { Applies } from './pipeline.ts';
import { SetupError } from './setup-error.ts';

/** A path (`/api/cities`), a path and all below it (`/api/*`), or a decision. */
export type RouteMatch = string | ((exchange: Exchange) => boolean);

/** The requests that one middleware sees. */
export interface RouteScope {
  /** Only these. @default all */
  readonly include?: readonly RouteMatch[];
  /** Not these; wins over `include`. @default none */
  readonly exclude?: readonly RouteMatch[];
}

/** Compiles a scope; nothing when it lets everything in. @throws SetupError */
export function compileScope(
  name: string,
  { include, exclude }: RouteScope = {},
): Applies | undefined {
  const included = include?.map((match) => compileMatch(name, match));
  const excluded = exclude?.map((match) => compileMatch(name, match));
  if (included === undefined && excluded === undefined) return undefined;
  return (exchange) =>
    (included === undefined || included.some((applies) => applies(exchange))) &&
    !(excluded?.some((applies) => applies(exchange)) ?? false);
}

function compileMatch(name: string, match: RouteMatch): Applies {
  if (typeof match === 'function') return match;
  if (!/^\/[^*?]*(\*)?$/.test(match)) {
    throw new SetupError(
      `the route ${JSON.stringify(match)} of "${name}" must be a path such as "/api/cities", or "/api/*" for all below it.`,
    );
  }
  const below = match.endsWith('/*') ? match.slice(0, -1).toLowerCase() : undefined;
  const exact = trimSlash(match.endsWith('/*') ? match.slice(0, -2) : match).toLowerCase();
  return ({ req }) => {
    const path = trimSlash(addressOf(req)).toLowerCase();
    return path === exact || (below !== undefined && path.startsWith(below));
  };
}

function trimSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}
