/**
 * Compares two schemas of one place. What clients send may be less tightly checked than before,
 * and what they get may be more tightly promised; the other way round breaks them.
 */
import {
  type Comparison,
  isSame,
  member,
  members,
  type Severity,
  type Side,
} from './diff-change.ts';

/** `input` is what clients send, `output` what they get. */
export type Direction = 'input' | 'output';

type Schema = Readonly<Record<string, unknown>>;

/** Compares what stands at two places. */
export function diffSchemas(
  comparison: Comparison,
  before: Side,
  after: Side,
  direction: Direction,
): void {
  const old = comparison.old(before);
  const now = comparison.new(after);
  if (isSame(old.value, now.value) && !hasReference(old.value)) return;
  if (comparison.isKnown(old, now, direction)) return;
  if (typeof old.value === 'boolean' || typeof now.value === 'boolean') {
    diffBooleans(comparison, old, now, direction);
  } else if (alternativesOf(old) !== undefined || alternativesOf(now) !== undefined) {
    diffAlternatives(comparison, old, now, direction);
  } else {
    diffPlain(comparison, old, now, direction);
  }
}

/** Tells of a schema that takes less than before, or more. */
function tell(
  comparison: Comparison,
  direction: Direction,
  what: string,
  change: 'narrowed' | 'widened',
  side: Side,
  message: string,
): void {
  comparison.add(severityOf(direction, what, change), `${what}-${change}`, side, message);
}

/** Values and bounds that an answer gains surprise only those who rely on knowing them all. */
const MILD: ReadonlySet<string> = new Set(['enum', 'bound', 'form', 'members']);

function severityOf(direction: Direction, what: string, change: 'narrowed' | 'widened'): Severity {
  if (direction === 'input') return change === 'narrowed' ? 'breaking' : 'safe';
  if (change === 'narrowed') return 'safe';
  return MILD.has(what) ? 'risky' : 'breaking';
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

/** A schema without alternatives is the only one of its own. */
function diffAlternatives(
  comparison: Comparison,
  old: Side,
  now: Side,
  direction: Direction,
): void {
  const [olds, nows] = [alternativesOf(old), alternativesOf(now)];
  const gone = [...(olds ?? [old])];
  const come = (nows ?? [now]).filter((one) => {
    const at = gone.findIndex((other) => isAlike(comparison, other, one));
    if (at === -1) return true;
    diffSchemas(comparison, gone.splice(at, 1)[0]!, one, direction);
    return false;
  });
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

function diffPlain(comparison: Comparison, before: Side, after: Side, direction: Direction): void {
  const old = { value: flat(comparison, before, 'old'), pointer: before.pointer };
  const now = { value: flat(comparison, after, 'new'), pointer: after.pointer };
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

/** A schema with what `allOf` adds to it, one level after the other. */
function flat(comparison: Comparison, side: Side, of: 'old' | 'new', depth = 0): Schema {
  const { allOf, ...own } = (side.value ?? {}) as Schema;
  if (!Array.isArray(allOf) || depth > 16) return own;
  const list = member(side, 'allOf');
  const parts = allOf.map((_part, at) =>
    flat(comparison, comparison[of](member(list, at)), of, depth + 1),
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

const ALL_TYPES = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'];

/** The types that a schema takes; every number is a whole one or not. */
function typesOf({ value }: Side): ReadonlySet<string> {
  const { type, const: only, enum: values } = value as Schema;
  if (type === undefined) {
    // What is one of a few values is of their types.
    const given = values ?? (only === undefined ? undefined : [only]);
    if (!Array.isArray(given)) return new Set(ALL_TYPES);
    return new Set(given.flatMap(typeOfValue));
  }
  const types = new Set([type].flat() as string[]);
  if (types.has('number')) types.add('integer');
  return types;
}

function typeOfValue(value: unknown): readonly string[] {
  if (value === null) return ['null'];
  if (Array.isArray(value)) return ['array'];
  if (Number.isInteger(value)) return ['integer', 'number'];
  return [typeof value];
}

/** Answers whether it makes sense to look further. */
function diffTypes(comparison: Comparison, old: Side, now: Side, direction: Direction): boolean {
  const [was, is] = [typesOf(old), typesOf(now)];
  const gone = [...was].filter((type) => !is.has(type));
  const come = [...is].filter((type) => !was.has(type));
  const words = `the type was ${typesText(was)} and is ${typesText(is)}`;
  const at = member(now, 'type').value === undefined ? now : member(now, 'type');
  if (gone.length > 0) tell(comparison, direction, 'type', 'narrowed', at, words);
  if (come.length > 0) tell(comparison, direction, 'type', 'widened', at, words);
  return [...is].some((type) => was.has(type));
}

function typesText(types: ReadonlySet<string>): string {
  if (types.size === ALL_TYPES.length) return 'anything';
  const shown = [...types].filter((type) => type !== 'integer' || !types.has('number'));
  return shown.toSorted().join(' or ');
}

function diffValues(comparison: Comparison, old: Side, now: Side, direction: Direction): void {
  const [was, is] = [valuesOf(old), valuesOf(now)];
  if (was === undefined && is === undefined) return;
  const name = (now.value as Schema)['const'] === undefined ? 'enum' : 'const';
  const at = is === undefined ? now : member(now, name);
  const gone = is === undefined ? [] : (was ?? []).filter((one) => !has(is, one));
  const come = was === undefined ? [] : (is ?? []).filter((one) => !has(was, one));
  if (was === undefined) {
    tell(
      comparison,
      direction,
      'enum',
      'narrowed',
      at,
      `only ${is!.map(show).join(', ')} are left`,
    );
  } else if (gone.length > 0) {
    tell(comparison, direction, 'enum', 'narrowed', at, `${gone.map(show).join(', ')} is gone`);
  }
  if (is === undefined) {
    tell(comparison, direction, 'enum', 'widened', at, 'every value is possible now');
  } else if (come.length > 0) {
    tell(comparison, direction, 'enum', 'widened', at, `${come.map(show).join(', ')} is new`);
  }
}

function valuesOf({ value }: Side): readonly unknown[] | undefined {
  const { const: only, enum: values } = value as Schema;
  if (only !== undefined) return [only];
  return Array.isArray(values) ? values : undefined;
}

function has(values: readonly unknown[], one: unknown): boolean {
  return values.some((value) => isSame(value, one));
}

/** Each bound, and whether it is a lower one. */
const BOUNDS: readonly (readonly [string, boolean])[] = [
  ['minimum', true],
  ['exclusiveMinimum', true],
  ['minLength', true],
  ['minItems', true],
  ['minProperties', true],
  ['maximum', false],
  ['exclusiveMaximum', false],
  ['maxLength', false],
  ['maxItems', false],
  ['maxProperties', false],
];

function diffBounds(comparison: Comparison, old: Side, now: Side, direction: Direction): void {
  for (const [name, isLower] of BOUNDS) {
    const none = isLower ? -Infinity : Infinity;
    const was = boundOf(old, name, none);
    const is = boundOf(now, name, none);
    if (was === is) continue;
    const change = is > was === isLower ? 'narrowed' : 'widened';
    const words = `${name} was ${showBound(was)} and is ${showBound(is)}`;
    tell(
      comparison,
      direction,
      'bound',
      change,
      member(Math.abs(is) === Infinity ? old : now, name),
      words,
    );
  }
}

function boundOf(side: Side, name: string, none: number): number {
  const { value } = member(side, name);
  return typeof value === 'number' ? value : none;
}

function showBound(value: number): string {
  return Math.abs(value) === Infinity ? 'none' : String(value);
}

/** Forms cannot be compared, only told apart. */
function diffForms(comparison: Comparison, old: Side, now: Side, direction: Direction): void {
  for (const name of ['pattern', 'format', 'multipleOf', 'uniqueItems', 'contentEncoding']) {
    const [was, is] = [member(old, name), member(now, name)];
    if (was.value === is.value) continue;
    if (was.value === undefined || was.value === false) {
      tell(comparison, direction, 'form', 'narrowed', is, `${name} must be ${show(is.value)} now`);
    } else if (is.value === undefined || is.value === false) {
      tell(
        comparison,
        direction,
        'form',
        'widened',
        was,
        `${name} need not be ${show(was.value)} any more`,
      );
    } else {
      comparison.add(
        'risky',
        'form-changed',
        is,
        `${name} was ${show(was.value)} and is ${show(is.value)}`,
      );
    }
  }
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
    const mustBeSent = direction === 'input' && isRequired.has(name);
    comparison.add(
      mustBeSent ? 'breaking' : 'safe',
      mustBeSent ? 'required-property-added' : 'property-added',
      is,
      mustBeSent ? `"${name}" must be sent now` : `"${name}" is new`,
    );
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
  const [before, after] = [was.value ?? true, is.value ?? true];
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

function show(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value);
}
