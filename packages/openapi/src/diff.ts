/**
 * What changed between two documents, and whether clients that were right before are right still.
 * Documents of any 3.1 tool can be compared.
 */
import { METHODS } from './description.ts';
import {
  Comparison,
  type DocumentChange,
  member,
  members,
  SEVERITIES,
  type Side,
} from './diff-change.ts';
import type { Direction } from './diff-direction.ts';
import { diffSchemas } from './diff-schema.ts';
import { diffSchemes, diffSecurity } from './diff-security.ts';
import { shapeOf } from './document.ts';

/** As much of a document as is looked at. */
export interface ComparedDocument {
  readonly paths?: unknown;
  readonly components?: unknown;
  readonly security?: unknown;
}

/**
 * The changes from one document to another, the gravest first.
 * @throws TypeError for documents that are not as OpenAPI says: they are taken at their word
 */
export function diff(before: ComparedDocument, after: ComparedDocument): readonly DocumentChange[] {
  const comparison = new Comparison(before, after);
  const [old, now] = [root(before), root(after)];
  try {
    diffPaths(comparison, old, now);
    comparison.operation = '';
    diffSchemes(comparison, old, now);
  } catch (error) {
    const where = comparison.operation === '' ? '' : ` at ${comparison.operation}`;
    throw new TypeError(
      `One of the documents is not as OpenAPI 3.1 says${where}; check them first.`,
      { cause: error },
    );
  }
  return comparison.changes.toSorted(
    (a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity),
  );
}

function root(value: unknown): Side {
  return { value, pointer: '' };
}

function diffPaths(comparison: Comparison, old: Side, now: Side): void {
  const byShape = new Map(
    members(member(now, 'paths')).map(([path, item]) => [shapeOf(path), { path, item }]),
  );
  for (const [path, found] of members(member(old, 'paths'))) {
    const was = comparison.old(found);
    const shape = shapeOf(path);
    const match = byShape.get(shape);
    byShape.delete(shape);
    const is = match === undefined ? root(undefined) : comparison.new(match.item);
    for (const method of METHODS) {
      const [before, after] = [member(was, method), member(is, method)];
      comparison.operation = `${method.toUpperCase()} ${match?.path ?? path}`;
      if (before.value !== undefined && after.value === undefined) {
        comparison.add('breaking', 'operation-removed', before, 'the operation is gone');
      } else if (before.value === undefined && after.value !== undefined) {
        comparison.add('safe', 'operation-added', after, 'the operation is new');
      } else if (before.value !== undefined) {
        diffParameters(comparison, [was, before, path], [is, after, match!.path]);
        diffOperation(comparison, old, now, before, after);
      }
    }
  }
  for (const { path, item } of byShape.values()) {
    for (const method of METHODS) {
      const added = member(comparison.new(item), method);
      if (added.value === undefined) continue;
      comparison.operation = `${method.toUpperCase()} ${path}`;
      comparison.add('safe', 'operation-added', added, 'the operation is new');
    }
  }
}

function diffOperation(
  comparison: Comparison,
  old: Side,
  now: Side,
  before: Side,
  after: Side,
): void {
  const ids = [member(before, 'operationId'), member(after, 'operationId')] as const;
  if (ids[0].value !== ids[1].value) {
    // Clients that are made from documents call their functions so.
    comparison.add(
      'risky',
      'operation-id-changed',
      ids[1],
      `it was called ${String(ids[0].value)}`,
    );
  }
  if (member(before, 'deprecated').value !== true && member(after, 'deprecated').value === true) {
    comparison.add(
      'safe',
      'operation-deprecated',
      member(after, 'deprecated'),
      'it is deprecated now',
    );
  }
  diffSecurity(comparison, [old, before], [now, after]);
  diffBody(comparison, member(before, 'requestBody'), member(after, 'requestBody'));
  diffResponses(comparison, member(before, 'responses'), member(after, 'responses'));
}

type PlaceOfParameters = readonly [item: Side, operation: Side, path: string];

function diffParameters(
  comparison: Comparison,
  before: PlaceOfParameters,
  after: PlaceOfParameters,
): void {
  const olds = parametersOf(before, (side) => comparison.old(side));
  const nows = parametersOf(after, (side) => comparison.new(side));
  for (const [key, was] of olds) {
    const is = nows.get(key);
    const isRequired = member(was, 'required').value === true;
    if (is === undefined) {
      comparison.add(
        'risky',
        'parameter-removed',
        was,
        `the parameter ${key} is ignored or refused now`,
      );
      continue;
    }
    const mustBeSent = member(is, 'required').value === true;
    if (isRequired !== mustBeSent) {
      comparison.add(
        mustBeSent ? 'breaking' : 'safe',
        mustBeSent ? 'parameter-required' : 'parameter-optional',
        is,
        `the parameter ${key} ${mustBeSent ? 'is required' : 'may be absent'} now`,
      );
    }
    diffSchemas(comparison, member(was, 'schema'), member(is, 'schema'), 'input');
    diffContent(comparison, was, is, 'input');
  }
  for (const [key, is] of nows) {
    if (olds.has(key)) continue;
    const mustBeSent = member(is, 'required').value === true;
    comparison.add(
      mustBeSent ? 'breaking' : 'safe',
      mustBeSent ? 'required-parameter-added' : 'parameter-added',
      is,
      `the parameter ${key} ${mustBeSent ? 'must be sent now' : 'is new'}`,
    );
  }
}

/** Parameters of a path and its operation; those in the path by their place, since names mean nothing to clients. */
function parametersOf(
  [item, operation, path]: PlaceOfParameters,
  follow: (side: Side) => Side,
): ReadonlyMap<string, Side> {
  const names = [...path.matchAll(/\{([^}]*)\}/g)].map(([, name]) => name);
  const found = new Map<string, Side>();
  for (const side of [item, operation]) {
    for (const [, given] of members(member(side, 'parameters'))) {
      const parameter = follow(given);
      // What a pointer to elsewhere stands for is not known.
      const { in: place = 'unknown', name = '' } = (parameter.value ?? {}) as {
        readonly in?: string;
        readonly name?: string;
      };
      const key =
        place === 'path'
          ? `${names.indexOf(name) + 1} in the path`
          : `"${place === 'header' ? name.toLowerCase() : name}" in the ${place}`;
      found.set(key, parameter);
    }
  }
  return found;
}

function diffBody(comparison: Comparison, before: Side, after: Side): void {
  const [was, is] = [comparison.old(before), comparison.new(after)];
  const mustBeSent = member(is, 'required').value === true;
  if (was.value === undefined && is.value === undefined) return;
  if (was.value === undefined) {
    comparison.add(
      mustBeSent ? 'breaking' : 'safe',
      'body-added',
      is,
      `a body ${mustBeSent ? 'must' : 'may'} be sent now`,
    );
  } else if (is.value === undefined) {
    comparison.add('risky', 'body-removed', was, 'the body is ignored or refused now');
  } else {
    if (mustBeSent && member(was, 'required').value !== true) {
      comparison.add('breaking', 'body-required', is, 'the body is required now');
    }
    diffContent(comparison, was, is, 'input');
  }
}

function diffResponses(comparison: Comparison, before: Side, after: Side): void {
  for (const [status, found] of members(before)) {
    const was = comparison.old(found);
    const is = comparison.new(member(after, status));
    if (is.value === undefined) {
      const severity = status.startsWith('2') ? 'breaking' : 'risky';
      comparison.add(severity, 'response-removed', was, `${status} is not answered any more`);
      continue;
    }
    if (comparison.isKnown(was, is, 'response')) continue;
    // RFC 9110 §5.1: the case of their names means nothing.
    const headers = new Map(
      members(member(is, 'headers')).map(([name, header]) => [name.toLowerCase(), header]),
    );
    for (const [name, header] of members(member(was, 'headers'))) {
      const now = headers.get(name.toLowerCase());
      if (now === undefined) {
        comparison.add('breaking', 'response-header-removed', header, `the header ${name} is gone`);
      } else {
        const sides = [comparison.old(header), comparison.new(now)] as const;
        diffSchemas(comparison, member(sides[0], 'schema'), member(sides[1], 'schema'), 'output');
      }
    }
    diffContent(comparison, was, is, 'output');
  }
  for (const [status, is] of members(after)) {
    if (member(before, status).value !== undefined) continue;
    const severity = status.startsWith('2') ? 'risky' : 'safe';
    comparison.add(severity, 'response-added', is, `${status} may be answered now`);
  }
}

/** By media type. */
function diffContent(
  comparison: Comparison,
  before: Side,
  after: Side,
  direction: Direction,
): void {
  const nows = member(after, 'content');
  for (const [type, was] of members(member(before, 'content'))) {
    const is = member(nows, type);
    if (is.value === undefined) {
      comparison.add('breaking', 'media-type-removed', was, `${type} is gone`);
    } else {
      diffSchemas(comparison, member(was, 'schema'), member(is, 'schema'), direction);
    }
  }
  for (const [type, is] of members(nows)) {
    if (member(member(before, 'content'), type).value !== undefined) continue;
    comparison.add('safe', 'media-type-added', is, `${type} is new`);
  }
}
