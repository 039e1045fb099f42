/**
 * Compares two schemas of one place. What clients send may be less tightly checked than before,
 * and what they get may be more tightly promised; the other way round breaks them.
 */
import { type Comparison, isSame, member, members, type Side } from './diff-change.ts';
import { type Direction, show, tell } from './diff-direction.ts';
import { diffBounds, diffForms, diffTypes, diffValues } from './diff-values.ts';

type Schema = Readonly<Record<string, unknown>>;

/** Compares what stands at two places. */
export function diffSchemas(
  comparison: Comparison,
  before: Side,
  after: Side,
  direction: Direction,
): void {
  const [olds, nows] = [withParts(before), withParts(after)];
  const [old, now] = [comparison.old(olds), comparison.new(nows)];
  if (isSame(old.value, now.value) && !hasReference(old.value)) return;
  // Put together, it would be another one each time.
  const places = [olds === before ? old : before, nows === after ? now : after] as const;
  if (comparison.isKnown(...places, direction)) return;
  if (typeof old.value === 'boolean' || typeof now.value === 'boolean') {
    diffBooleans(comparison, old, now, direction);
    return;
  }
  const was = { value: flat(comparison, old, 'old'), pointer: old.pointer };
  const is = { value: flat(comparison, now, 'new'), pointer: now.pointer };
  if (alternativesOf(was) !== undefined || alternativesOf(is) !== undefined) {
    diffAlternatives(comparison, was, is, direction);
  } else {
    diffPlain(comparison, was, is, direction);
  }
}

/** What beside a pointer demands nothing. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  '$ref',
  'title',
  'description',
  'examples',
  'deprecated',
]);

/** What stands beside a pointer holds as well (JSON Schema 2020-12 §8.2.3.1): both are parts of one. */
function withParts(side: Side): Side {
  const { $ref: reference, ...own } = (side.value ?? {}) as Schema;
  if (reference === undefined || Object.keys(own).every((name) => ANNOTATIONS.has(name))) {
    return side;
  }
  return { ...side, value: { ...own, allOf: [{ $ref: reference }, ...partsOf(own)] } };
}

function partsOf({ allOf }: Schema): readonly unknown[] {
  return Array.isArray(allOf) ? allOf : [];
}

/** `true` and what is absent take everything, `false` nothing. */
function diffBooleans(comparison: Comparison, old: Side, now: Side, direction: Direction): void {
  if (old.value === now.value) return;
  if (now.value === false || (old.value === true && now.value !== true)) {
    tell(comparison, direction, 'schema', 'narrowed', now, 'it takes less than before');
  } else {
    tell(comparison, direction, 'schema', 'widened', now, 'it takes more than before');
  }
}

function alternativesOf(side: Side): readonly Side[] | undefined {
  const schema = (side.value ?? {}) as Schema;
  const name = ['anyOf', 'oneOf'].find((one) => Array.isArray(schema[one]));
  if (name === undefined) return undefined;
  const list = member(side, name);
  return (schema[name] as unknown[]).map((_one, at) => member(list, at));
}

/** A schema without alternatives is the only one of its own. The same are compared first, then those of one kind. */
function diffAlternatives(
  comparison: Comparison,
  old: Side,
  now: Side,
  direction: Direction,
): void {
  const [olds, nows] = [alternativesOf(old), alternativesOf(now)];
  const gone = [...(olds ?? [old])];
  const come = [isAlike, isOfKind].reduce<readonly Side[]>(
    (left, isPair) =>
      left.filter((one) => {
        const others = gone.filter((other) => isPair(comparison, other, one));
        const [was] = others;
        if (was === undefined) return true;
        const rivals = left.filter((rival) => isPair(comparison, was, rival));
        // Of several of one kind nobody knows which has become which.
        if (isPair === isOfKind && others.length + rivals.length > 2) return true;
        gone.splice(gone.indexOf(was), 1);
        diffSchemas(comparison, was, one, direction);
        return false;
      }),
    nows ?? [now],
  );
  if (gone.length === 1 && come.length === 1) {
    diffSchemas(comparison, gone[0]!, come[0]!, direction);
  } else {
    for (const one of gone) {
      tell(comparison, direction, 'alternative', 'narrowed', one, 'an alternative is gone');
    }
    for (const one of come) {
      tell(comparison, direction, 'alternative', 'widened', one, 'there is another alternative');
    }
  }
  if (olds !== undefined && nows !== undefined) diffPlain(comparison, old, now, direction);
}

function isAlike(comparison: Comparison, one: Side, other: Side): boolean {
  return (
    isSame(one.value, other.value) || isSame(comparison.old(one).value, comparison.new(other).value)
  );
}

/** Whether two alternatives have one type and, where they tell by a constant what they are, say the same. */
function isOfKind(comparison: Comparison, one: Side, other: Side): boolean {
  return isSame(kindOf(comparison.old(one)), kindOf(comparison.new(other)));
}

function kindOf({ value }: Side): object {
  const { type, properties } = (value ?? {}) as Schema;
  const tags = Object.entries((properties ?? {}) as Readonly<Record<string, Schema | undefined>>)
    .map(([name, property]) => [name, property?.['const']] as const)
    .filter(([, only]) => only !== undefined);
  return { type, tags: Object.fromEntries(tags) };
}

function diffPlain(comparison: Comparison, old: Side, now: Side, direction: Direction): void {
  if (!diffTypes(comparison, old, now, direction)) return;
  diffValues(comparison, old, now, direction);
  diffBounds(comparison, old, now, direction);
  diffForms(comparison, old, now, direction);
  diffProperties(comparison, old, now, direction);
  diffMore(comparison, old, now, direction);
  for (const name of ['items', 'propertyNames', 'contains']) {
    const [was, is] = [member(old, name), member(now, name)];
    if (was.value !== undefined && is.value !== undefined) {
      diffSchemas(comparison, was, is, direction);
    } else if (was.value !== is.value) {
      const change = is.value === undefined ? 'widened' : 'narrowed';
      tell(
        comparison,
        direction,
        'schema',
        change,
        is.value === undefined ? was : is,
        `${name} ${change}`,
      );
    }
  }
  diffTuples(comparison, old, now, direction);
  for (const name of ['not', 'if', 'then', 'else', 'dependentSchemas', 'patternProperties']) {
    const [was, is] = [member(old, name), member(now, name)];
    if (!isSame(was.value, is.value)) {
      comparison.add(
        'risky',
        'schema-changed',
        is.value === undefined ? was : is,
        `${name} has changed`,
      );
    }
  }
  const [was, is] = [member(old, 'default'), member(now, 'default')];
  if (direction === 'input' && !isSame(was.value, is.value)) {
    comparison.add(
      'risky',
      'default-changed',
      is,
      `the default was ${show(was.value)} and is ${show(is.value)}`,
    );
  }
}

/** A schema with what `allOf` adds to it; a part that is a circle adds nothing more. */
function flat(
  comparison: Comparison,
  side: Side,
  of: 'old' | 'new',
  seen: Set<string> = new Set(),
): Schema {
  const { allOf, ...own } = (side.value ?? {}) as Schema;
  if (!Array.isArray(allOf) || seen.has(side.pointer)) return own;
  seen.add(side.pointer);
  const list = member(side, 'allOf');
  const parts = allOf.map((_part, at) =>
    flat(comparison, comparison[of](withParts(member(list, at))), of, seen),
  );
  return [...parts, own].reduce<Schema>(
    (whole, part) => ({
      ...whole,
      ...part,
      properties: { ...(whole['properties'] as object), ...(part['properties'] as object) },
      required: [
        ...new Set([
          ...((whole['required'] as string[] | undefined) ?? []),
          ...((part['required'] as string[] | undefined) ?? []),
        ]),
      ],
    }),
    {},
  );
}

function diffProperties(comparison: Comparison, old: Side, now: Side, direction: Direction): void {
  const [olds, nows] = [member(old, 'properties'), member(now, 'properties')];
  const [wasRequired, isRequired] = [requiredOf(old), requiredOf(now)];
  const known = new Set(members(olds).map(([name]) => name));
  for (const [name, was] of members(olds)) {
    const is = member(nows, name);
    if (is.value !== undefined) {
      diffSchemas(comparison, was, is, direction);
      diffRequired(comparison, is, name, wasRequired.has(name), isRequired.has(name), direction);
    } else if (direction === 'output') {
      comparison.add('breaking', 'property-removed', was, `"${name}" is not answered any more`);
    } else {
      const isRefused = (now.value as Schema)['additionalProperties'] === false;
      comparison.add(
        isRefused ? 'breaking' : 'risky',
        'property-removed',
        was,
        `"${name}" is ${isRefused ? 'refused' : 'ignored'} now`,
      );
    }
  }
  for (const [name, is] of members(nows)) {
    if (known.has(name)) continue;
    const mustBeSent = direction === 'input' && isRequired.has(name) && !wasRequired.has(name);
    comparison.add(
      mustBeSent ? 'breaking' : 'safe',
      mustBeSent ? 'required-property-added' : 'property-added',
      is,
      mustBeSent ? `"${name}" must be sent now` : `"${name}" is new`,
    );
  }
  // No property describes what a record must have.
  for (const name of new Set([...wasRequired, ...isRequired])) {
    if (known.has(name) || member(nows, name).value !== undefined) continue;
    const side = member(isRequired.has(name) ? now : old, 'required');
    diffRequired(comparison, side, name, wasRequired.has(name), isRequired.has(name), direction);
  }
}

function requiredOf({ value }: Side): ReadonlySet<string> {
  return new Set((value as { readonly required?: readonly string[] }).required);
}

function diffRequired(
  comparison: Comparison,
  side: Side,
  name: string,
  was: boolean,
  is: boolean,
  direction: Direction,
): void {
  if (was === is) return;
  if (is) {
    const severity = direction === 'input' ? 'breaking' : 'safe';
    comparison.add(severity, 'property-required', side, `"${name}" is required now`);
  } else {
    const severity = direction === 'input' ? 'safe' : 'breaking';
    comparison.add(severity, 'property-optional', side, `"${name}" may be absent now`);
  }
}

/** Properties that are not named. */
function diffMore(comparison: Comparison, old: Side, now: Side, direction: Direction): void {
  const name = 'additionalProperties';
  const [was, is] = [member(old, name), member(now, name)];
  const [before, after] = [restOf(was), restOf(is)];
  if (isSame(before, after) && !hasReference(before)) return;
  if (typeof before === 'object' && typeof after === 'object') {
    diffSchemas(comparison, was, is, direction);
  } else if (after === false || before === true) {
    tell(
      comparison,
      direction,
      'members',
      'narrowed',
      is,
      'properties that are not named are not taken as before',
    );
  } else {
    tell(
      comparison,
      direction,
      'members',
      'widened',
      is.value === undefined ? now : is,
      'properties that are not named are taken now',
    );
  }
}

/** An empty schema takes everything, as one that is absent does. */
function restOf({ value = true }: Side): unknown {
  return isSame(value, {}) ? true : value;
}

function diffTuples(comparison: Comparison, old: Side, now: Side, direction: Direction): void {
  const [was, is] = [member(old, 'prefixItems'), member(now, 'prefixItems')];
  if (!Array.isArray(was.value) || !Array.isArray(is.value)) {
    if (was.value !== is.value) {
      comparison.add(
        'risky',
        'schema-changed',
        is.value === undefined ? was : is,
        'prefixItems has changed',
      );
    }
    return;
  }
  const shared = Math.min(was.value.length, is.value.length);
  for (let at = 0; at < shared; at++) {
    diffSchemas(comparison, member(was, at), member(is, at), direction);
  }
  if (was.value.length !== is.value.length) {
    comparison.add('risky', 'schema-changed', is, 'the places of a list have changed');
  }
}

function hasReference(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasReference);
  return Object.entries(value).some(([key, one]) => key === '$ref' || hasReference(one));
}
