/**
 * Where document and app part: routes that are mounted and not described, and what is described
 * and not mounted. Both are faults of a release, so a test asks for them.
 */
import { routeTable } from '@org/core';

import { METHODS } from './description.ts';
import { methodsOf, type OpenapiDocument, shapeOf } from './document.ts';
import type { MountedRoute } from './mounted-routes.ts';
import type { OpenapiSettings } from './options.ts';
import { pathTemplates } from './path-template.ts';
import { descriptionOf } from './route.ts';

/** One operation that one side lacks. */
export interface DriftedOperation {
  /** In upper case; `ALL` for a route that takes every method. */
  readonly method?: string;
  /** The pattern of a mounted route, or the path of a document. */
  readonly path?: string;
  /** The id or summary of a route that nobody has mounted. */
  readonly name?: string;
}

/** What is where the other is not; two empty lists are what to aim for. */
export interface Drift {
  /** Mounted, but not documented. */
  readonly undocumented: readonly DriftedOperation[];
  /** Documented, but not mounted. */
  readonly unmounted: readonly DriftedOperation[];
}

/** Compares; `document` is one that was published, or else what is written by hand in the options. */
export function driftOf(
  mounted: readonly MountedRoute[],
  settings: OpenapiSettings,
  document: Pick<OpenapiDocument, 'paths'> | undefined,
): Drift {
  const documented = operationsOf(document?.paths ?? settings.paths);
  const isExempt = routeTable(
    'openapi',
    Object.fromEntries(settings.undocumented.map((pattern) => [pattern, true])),
  );
  const reached = new Set<string>();
  const undocumented: DriftedOperation[] = [];
  for (const { method, pattern, description } of mounted) {
    const path = String(pattern);
    const keys = typeof pattern === 'string' ? keysOf(method, pattern, description ?? {}) : [];
    for (const key of keys) reached.add(key);
    if (description?.hidden === true || isExempt(path) === true) continue;
    // Without a document of its own to compare with, a route that is described is in the one that is made.
    const isDescribed =
      (document === undefined && description !== undefined && keys.length > 0) ||
      (keys.length > 0 && keys.every((key) => documented.has(key)));
    if (!isDescribed) undocumented.push({ method: method.toUpperCase(), path });
  }
  const unmounted = [...documented]
    .filter(([key]) => !reached.has(key))
    .map(([, operation]) => operation);
  const handlers = new Set(mounted.map(({ handler }) => handler));
  for (const { made } of settings.routes) {
    for (const handler of made) {
      if (!handlers.has(handler)) unmounted.push({ name: nameOf(handler) });
    }
  }
  return { undocumented, unmounted };
}

/** Operations by method and shape of their path. */
function operationsOf(
  paths: Readonly<Record<string, object>>,
): ReadonlyMap<string, DriftedOperation> {
  return new Map(
    Object.entries(paths).flatMap(([path, item]) =>
      METHODS.filter((method) => method in item).map((method) => [
        `${method} ${shapeOf(path)}`,
        { method: method.toUpperCase(), path },
      ]),
    ),
  );
}

function keysOf(
  method: string,
  pattern: string,
  description: Parameters<typeof methodsOf>[1],
): readonly string[] {
  return pathTemplates(pattern).flatMap(({ path }) =>
    methodsOf(method, description).map((name) => `${name} ${shapeOf(path)}`),
  );
}

function nameOf(handler: OpenapiSettings['routes'][number]['made'][number]): string {
  const { operationId, summary } = descriptionOf(handler) ?? {};
  return operationId ?? summary ?? 'a route without operationId and summary';
}
