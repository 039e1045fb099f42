/**
 * The document of one version: OpenAPI 3.1.1, from the routes that are mounted. Paths, methods,
 * components and tags have an order of their own, so that the same API gives the same text.
 */
import { OptionError, routeTable } from '@org/core';

import { SchemaComponents } from './components.ts';
import { type Method, METHODS, type RouteDescription } from './description.ts';
import type { MountedRoute } from './mounted-routes.ts';
import { type OperationObject, operationOf, requirementsOf } from './operation.ts';
import type { ParameterObject } from './parameters.ts';
import type { OpenapiSettings } from './options.ts';
import { type PathTemplate, pathTemplates } from './path-template.ts';
import { ProblemAnswers } from './problem-answers.ts';
import { compareVersions, earliestFor, isIn } from './version-list.ts';

/** A document (OpenAPI 3.1.1 §4.8.1). */
export interface OpenapiDocument {
  readonly openapi: string;
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly [member: string]: unknown;
  };
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly [member: string]: unknown;
}

/** The operations of a path. */
export type PathItem = { readonly [M in Method]?: OperationObject } & {
  readonly [member: string]: unknown;
};

const OPENAPI = '3.1.1';
/** What a route that takes every method is documented with. */
const ALL: readonly Method[] = ['get', 'put', 'post', 'delete', 'patch'];

interface Placed {
  readonly method: Method;
  readonly template: PathTemplate;
  readonly pattern: string;
  readonly description: Readonly<RouteDescription>;
}

/**
 * Makes a document.
 * @throws OptionError naming every schema, parameter and name that a document cannot have
 */
export function documentOf(
  mounted: readonly MountedRoute[],
  settings: OpenapiSettings,
  version: string | undefined,
): OpenapiDocument {
  const schemas = new SchemaComponents();
  const problemAnswers = new ProblemAnswers(schemas);
  const ids = new Set<string>();
  const schemes = new Set(Object.keys(settings.securitySchemes));
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [path, given] of Object.entries(settings.paths)) {
    const item: Record<string, unknown> = { ...given };
    paths[path] = item;
    for (const method of METHODS) {
      const { operationId } = (item[method] ?? {}) as Partial<OperationObject>;
      if (operationId !== undefined) ids.add(operationId);
    }
  }

  for (const { method, template, pattern, description } of placed(mounted, version)) {
    const item = (paths[template.path] ??= {});
    // What was written by hand, and what the app asks first, stands.
    if (item[method] !== undefined) continue;
    item[method] = operationOf(
      description,
      { method, template, operationId: idOf(description, method, template, ids) },
      {
        schemas,
        problemAnswers,
        problems: settings.problems,
        security: settings.security,
        schemes,
        versionParameter: versionParameter(settings, version),
        changes: changesOf(settings, version, pattern),
      },
    );
  }
  if (schemas.problems.length > 0) throw new OptionError('openapi', schemas.problems);

  const { info, tags, securitySchemes, security } = settings;
  const servers =
    typeof settings.servers === 'function' ? settings.servers(version) : settings.servers;
  const sorted = sortPaths(paths);
  const components = {
    schemas: schemas.byName(),
    responses: problemAnswers.byName(),
    securitySchemes,
  };
  const used = Object.entries(components).filter(([, members]) => Object.keys(members).length > 0);
  const allTags = tagsOf(sorted, tags);
  return {
    openapi: OPENAPI,
    info: { ...info, ...infoOf(settings, version) },
    ...(servers.length === 0 ? {} : { servers }),
    paths: sorted,
    ...(used.length === 0 ? {} : { components: Object.fromEntries(used) }),
    ...(security.length === 0 ? {} : { security: requirementsOf(security) }),
    ...(allTags.length === 0 ? {} : { tags: allTags }),
  };
}

/** Every operation of the version at its address, in the order of the document. */
function placed(mounted: readonly MountedRoute[], version: string | undefined): readonly Placed[] {
  const found: (Placed & { readonly at: number })[] = [];
  const shapes = new Map<string, PathTemplate>();
  for (const [at, { method, pattern, description: given }] of mounted.entries()) {
    if (given === undefined || given.hidden === true || typeof pattern !== 'string') continue;
    if (!isIn(version, given.since, given.until)) continue;
    const description = { ...given, ...earliestFor(version, given.earlier) };
    const templates = pathTemplates(pattern);
    for (const template of templates) {
      for (const name of methodsOf(method, given)) {
        found.push({ method: name, template: alike(template, shapes), pattern, description, at });
      }
    }
  }
  return found.toSorted(
    (a, b) =>
      compare(a.template.path, b.template.path) ||
      METHODS.indexOf(a.method) - METHODS.indexOf(b.method) ||
      a.at - b.at,
  );
}

/** Under which methods a route is documented; none for those that OpenAPI does not know. */
export function methodsOf(method: string, { method: named }: RouteDescription): readonly Method[] {
  if (method === 'all') return named === undefined ? ALL : [named];
  return METHODS.includes(method as Method) ? [method as Method] : [];
}

/** Addresses that differ in the names of parameters alone are one (OpenAPI 3.1.1 §4.8.8.2): the first one's names stand. */
function alike(template: PathTemplate, shapes: Map<string, PathTemplate>): PathTemplate {
  const shape = shapeOf(template.path);
  const first = shapes.get(shape);
  if (first === undefined) shapes.set(shape, template);
  return { ...(first ?? template), ownNames: template.names };
}

/** An address without the names of its parameters. */
export function shapeOf(path: string): string {
  return path.replaceAll(/\{[^}]*\}/g, '{}');
}

function idOf(
  { operationId }: RouteDescription,
  method: Method,
  { path }: PathTemplate,
  taken: Set<string>,
): string {
  const words = path.match(/\{[^}]*\}|[A-Za-z0-9]+/g) ?? [];
  const camel = words.map((word) =>
    word.startsWith('{') ? `By${upper(word.slice(1, -1))}` : upper(word),
  );
  const wanted = operationId ?? method + camel.join('');
  let id = wanted;
  for (let count = 2; taken.has(id); count++) id = `${wanted}_${count}`;
  taken.add(id);
  return id;
}

function upper(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1).replaceAll(/\W/g, '_');
}

function versionParameter(
  { versionHeader }: OpenapiSettings,
  version: string | undefined,
): ParameterObject | undefined {
  if (version === undefined || versionHeader === false) return undefined;
  return {
    name: versionHeader,
    in: 'header',
    description: 'The version that this document is of.',
    // Not a constant: between the documents of two versions it would be the change that hides the others.
    schema: { type: 'string' },
    example: version,
  };
}

/** What changed for a route up to the version, oldest first. */
function changesOf(
  { changes }: OpenapiSettings,
  version: string | undefined,
  pattern: string,
): readonly string[] {
  return changes
    .filter(
      (change) =>
        change.routes !== undefined &&
        isIn(version, change.version) &&
        // A pattern is compared as the address that it also is.
        (change.routes.includes(pattern) ||
          routeTable(
            'openapi',
            Object.fromEntries(change.routes.map((one) => [one, true])),
          )(pattern) === true),
    )
    .toSorted((a, b) => compareVersions(a.version, b.version))
    .map((change) => `Since ${change.version}: ${change.description}`);
}

function infoOf(
  { info, changes }: OpenapiSettings,
  version: string | undefined,
): { readonly title: string; readonly version: string } {
  const seen = changes
    .filter((change) => isIn(version, change.version))
    .toSorted((a, b) => compareVersions(b.version, a.version))
    .map((change) => `- ${change.version}: ${change.description}`);
  const text = [info.description, seen.length === 0 ? '' : `Changes:\n\n${seen.join('\n')}`]
    .filter(Boolean)
    .join('\n\n');
  return {
    title: info.title,
    version: version ?? info.version ?? '0.0.0',
    ...(text === '' ? {} : { description: text }),
  };
}

function sortPaths(
  paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): OpenapiDocument['paths'] {
  const order = (key: string): number => METHODS.indexOf(key as Method);
  return Object.fromEntries(
    Object.entries(paths)
      .toSorted(([a], [b]) => compare(a, b))
      .map(([path, item]) => [
        path,
        Object.fromEntries(
          Object.entries(item).toSorted(([a], [b]) => order(a) - order(b) || compare(a, b)),
        ),
      ]),
  ) as OpenapiDocument['paths'];
}

function tagsOf(
  paths: OpenapiDocument['paths'],
  given: OpenapiSettings['tags'],
): readonly { readonly name: string }[] {
  const known = new Set(given.map(({ name }) => name));
  const used = new Set(
    Object.values(paths).flatMap((item) =>
      METHODS.flatMap((method) => (item[method]?.['tags'] ?? []) as readonly string[]),
    ),
  );
  const others = [...used].filter((name) => !known.has(name)).toSorted();
  return [...given, ...others.map((name) => ({ name }))];
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one !== other);
}
