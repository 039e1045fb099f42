/**
 * Makes a value of a schema, by draws that can be had again. What chance decides, such as which of
 * several schemas a value is of, is tried until the value is valid; one that is not valid is never
 * given out.
 */
import { formatText, word } from './formats.ts';
import { patternText } from './pattern-text.ts';
import type { JsonSchema, Schema, SchemaObject } from './schema.ts';
import { hasTwins, isEqual, isValid } from './schema-check.ts';
import { mergeSchemas } from './schema-merge.ts';
import { type Draw, oneAmong, wholeBetween } from './seeded.ts';

/** How often a value is tried that chance has to hit. */
const MAX_TRIES = 40;
/** Below this, what may be left out is left out, so that what refers to itself ends. */
const SHALLOW = 4;
/** What still goes on here has no end. */
const MAX_DEPTH = 24;
/** How many values are made for one answer, and how many of them may be in vain. */
const MAX_VALUES = 100_000;
const MAX_FAILURES = 2000;

interface Making {
  readonly owner: Schema;
  readonly draw: Draw;
  values: number;
  failures: number;
}

/**
 * A value that is valid.
 * @throws Error where none was found: the schema allows nothing, or too little to be found by chance
 */
export function schemaValue(owner: Schema, draw: Draw): unknown {
  return make({ owner, draw, values: 0, failures: 0 }, owner.root, 0);
}

function make(making: Making, schema: JsonSchema, depth: number): unknown {
  const { owner, draw } = making;
  if (schema === false) throw new Error('its schema allows nothing');
  if (schema === true) return word(draw);
  if (depth > MAX_DEPTH) throw new Error('its schema has no end');
  let problem = new Error('no value was found that its schema allows');
  for (let tries = 0; tries < MAX_TRIES && making.failures < MAX_FAILURES; tries++) {
    if (++making.values > MAX_VALUES) throw new Error('its schema wants too much');
    try {
      const value = attempt(making, schema, depth);
      if (isValid(owner, schema, value)) return value;
    } catch (error) {
      problem = error as Error;
    }
    making.failures++;
  }
  throw problem;
}

function attempt(making: Making, schema: SchemaObject, depth: number): unknown {
  const { owner, draw } = making;
  const plain = flatten(owner, schema, draw, depth, 0);
  if ('const' in plain) return plain['const'];
  if (Array.isArray(plain['enum'])) return oneAmong(draw, plain['enum'] as unknown[]);
  // Somebody has thought of what a value looks like.
  const examples = Array.isArray(plain['examples']) ? (plain['examples'] as unknown[]) : [];
  const fitting = examples.filter((one) => isValid(owner, schema, one));
  if (fitting.length > 0) return oneAmong(draw, fitting);
  switch (typeOf(plain, draw)) {
    case 'null':
      return null;
    case 'boolean':
      return draw() < 0.5;
    case 'integer':
      return makeNumber(plain, draw, true);
    case 'number':
      return makeNumber(plain, draw, false);
    case 'array':
      return makeList(making, plain, depth);
    case 'object':
      return makeRecord(making, plain, depth);
    default:
      return makeText(plain, draw);
  }
}

/** The schema without references and choices: a way through them is chosen. */
function flatten(
  owner: Schema,
  schema: SchemaObject,
  draw: Draw,
  depth: number,
  steps: number,
): SchemaObject {
  if (steps > 100) throw new Error('its schema refers to itself alone');
  const { $ref, allOf, anyOf, oneOf, ...rest } = schema;
  const condition = schema['if'];
  const parts: JsonSchema[] = [];
  if (typeof $ref === 'string') parts.push(owner.resolve($ref));
  if (Array.isArray(allOf)) parts.push(...(allOf as JsonSchema[]));
  for (const choices of [anyOf, oneOf]) {
    if (Array.isArray(choices)) parts.push(choose(choices as JsonSchema[], draw, depth));
  }
  if (condition !== undefined) {
    const isMet = draw() < 0.5;
    if (isMet) parts.push(condition as JsonSchema);
    parts.push(((isMet ? schema['then'] : schema['else']) ?? true) as JsonSchema);
  }
  if (parts.length === 0) return schema;
  const { if: _if, then: _then, else: _else, ...own } = rest;
  let merged: SchemaObject = own;
  for (const part of parts) {
    if (part === false) throw new Error('its schema allows nothing');
    if (part === true) continue;
    merged = mergeSchemas(merged, flatten(owner, part, draw, depth, steps + 1));
  }
  return merged;
}

/** Deep down, what is simple goes before what may go on. */
function choose(choices: readonly JsonSchema[], draw: Draw, depth: number): JsonSchema {
  const simple = choices.filter(
    (one) =>
      typeof one === 'object' &&
      !['$ref', 'properties', 'items', 'allOf', 'anyOf', 'oneOf'].some((keyword) => keyword in one),
  );
  return oneAmong(draw, depth >= SHALLOW && simple.length > 0 ? simple : choices);
}

const BY_KEYWORD: Readonly<Record<string, readonly string[]>> = Object.freeze({
  object: ['properties', 'required', 'additionalProperties', 'patternProperties', 'minProperties'],
  array: ['items', 'prefixItems', 'contains', 'minItems', 'uniqueItems'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
});

function typeOf(schema: SchemaObject, draw: Draw): string {
  const { type } = schema;
  if (Array.isArray(type)) return oneAmong(draw, type as string[]);
  if (typeof type === 'string') return type;
  const told = Object.entries(BY_KEYWORD).find(([, words]) => words.some((one) => one in schema));
  return told?.[0] ?? 'string';
}

function makeNumber(schema: SchemaObject, draw: Draw, isWhole: boolean): number {
  const of = (name: string): number | undefined =>
    typeof schema[name] === 'number' ? schema[name] : undefined;
  const step = of('multipleOf') ?? (isWhole ? 1 : 0.01);
  const above = of('exclusiveMinimum');
  const below = of('exclusiveMaximum');
  let least = Math.max(of('minimum') ?? -Infinity, above ?? -Infinity);
  let most = Math.min(of('maximum') ?? Infinity, below ?? Infinity);
  // Without bounds of their own, values are small and not negative.
  if (least === -Infinity) least = most < 0 ? most - 1000 * step : Math.min(0, most - 100 * step);
  if (most === Infinity) most = least + Math.max(1000, 100 * step);
  let first = Math.ceil(least / step);
  let last = Math.floor(most / step);
  if (above !== undefined && first * step <= above) first++;
  if (below !== undefined && last * step >= below) last--;
  if (first > last) {
    if (isWhole || of('multipleOf') !== undefined) throw new Error('its schema allows no number');
    // Finer than a hundredth.
    return least + (most - least) * (0.25 + draw() / 2);
  }
  const value = wholeBetween(draw, first, last) * step;
  return isWhole || of('multipleOf') !== undefined ? value : Number(value.toFixed(2));
}

function makeText(schema: SchemaObject, draw: Draw): string {
  const { format, pattern } = schema;
  const formatted = formatText(format, draw);
  if (formatted !== undefined) return formatted;
  if (typeof pattern === 'string') return patternText(pattern, draw);
  const least = (schema['minLength'] ?? 0) as number;
  const most = (schema['maxLength'] ?? Math.max(24, least + 24)) as number;
  let text = word(draw);
  while (text.length < least || draw() < 0.3) text += ` ${word(draw)}`;
  // No blank is left at an end that is cut.
  return text.slice(0, most).replace(/ $/, 's');
}

function makeList(making: Making, schema: SchemaObject, depth: number): unknown[] {
  const { draw } = making;
  const prefix = (schema['prefixItems'] ?? []) as readonly JsonSchema[];
  const rest = (schema['items'] ?? true) as JsonSchema;
  const contains = schema['contains'] as JsonSchema | undefined;
  const wanted = contains === undefined ? 0 : ((schema['minContains'] ?? 1) as number);
  const least = Math.max((schema['minItems'] ?? 0) as number, wanted);
  const most = Math.min(
    (schema['maxItems'] ?? Infinity) as number,
    rest === false ? prefix.length : Infinity,
  );
  const usual =
    depth >= SHALLOW ? least : Math.max(least, prefix.length, 1) + wholeBetween(draw, 0, 2);
  const length = Math.min(most, usual);
  const list: unknown[] = [];
  for (let at = 0; at < length; at++) {
    const own = prefix[at] ?? rest;
    const isWanted = contains !== undefined && at >= length - wanted;
    const item = isWanted ? { allOf: [own, contains] } : own;
    let value = make(making, item, depth + 1);
    const isTwin = (): boolean => list.some((one) => isEqual(one, value));
    for (let tries = 0; schema['uniqueItems'] === true && isTwin() && tries < MAX_TRIES; tries++) {
      value = make(making, item, depth + 1);
    }
    if (schema['uniqueItems'] === true && isTwin() && list.length >= least) break;
    list.push(value);
  }
  if (schema['uniqueItems'] === true && hasTwins(list))
    throw new Error('its schema allows too few members');
  return list;
}

function makeRecord(making: Making, schema: SchemaObject, depth: number): object {
  const { draw, owner } = making;
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const patterns = (schema['patternProperties'] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const additional = (schema['additionalProperties'] ?? true) as JsonSchema;
  const dependent = (schema['dependentRequired'] ?? {}) as Readonly<Record<string, string[]>>;
  const required = (schema['required'] ?? []) as readonly string[];
  const least = (schema['minProperties'] ?? 0) as number;
  const most = (schema['maxProperties'] ?? Infinity) as number;
  const names = new Set<string>(required);
  for (const name of Object.keys(properties)) {
    if (properties[name] === false || names.size >= most) continue;
    if (depth < SHALLOW && draw() < 0.8) names.add(name);
  }
  for (const name of Object.keys(properties)) {
    if (names.size < least && properties[name] !== false) names.add(name);
  }
  // Sets go on through what is added meanwhile.
  for (const name of names) {
    if (Object.hasOwn(dependent, name)) for (const other of dependent[name]!) names.add(other);
  }
  const isOpen = typeof additional === 'object' && Object.keys(properties).length === 0;
  const usual = isOpen && depth < SHALLOW ? 2 : 0;
  for (
    let tries = 0;
    names.size < Math.min(most, Math.max(least, usual)) && tries < MAX_TRIES;
    tries++
  ) {
    const name = newName(making, schema, patterns, additional, depth);
    if (name === undefined) break;
    names.add(name);
  }
  const schemaOf = (name: string): JsonSchema => {
    const own = Object.hasOwn(properties, name) ? [properties[name]!] : [];
    const matching = Object.entries(patterns)
      .filter(([pattern]) => owner.pattern(pattern).test(name))
      .map(([, part]) => part);
    const all = [...own, ...matching];
    return all.length === 0 ? additional : all.length === 1 ? all[0]! : { allOf: all };
  };
  const entries = [...names].map(
    (name) => [name, make(making, schemaOf(name), depth + 1)] as const,
  );
  return withDependents(making, schema, Object.fromEntries(entries), depth);
}

/** A name that no property has yet. */
function newName(
  making: Making,
  schema: SchemaObject,
  patterns: Readonly<Record<string, JsonSchema>>,
  additional: JsonSchema,
  depth: number,
): string | undefined {
  const { draw } = making;
  const propertyNames = schema['propertyNames'] as JsonSchema | undefined;
  const [pattern] = Object.keys(patterns);
  if (pattern !== undefined && (additional === false || draw() < 0.5))
    return patternText(pattern, draw);
  if (additional === false) return undefined;
  if (propertyNames === undefined || propertyNames === true) {
    return `${word(draw)}${wholeBetween(draw, 1, 99)}`;
  }
  const named = typeof propertyNames === 'object' ? { type: 'string', ...propertyNames } : false;
  return String(make(making, named, depth + 1));
}

/** Members bring further demands with them: the record is made once more to meet them. */
function withDependents(
  making: Making,
  schema: SchemaObject,
  record: object,
  depth: number,
): object {
  const dependents = (schema['dependentSchemas'] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const met = Object.entries(dependents).filter(([name]) => Object.hasOwn(record, name));
  if (met.length === 0) return record;
  const { dependentSchemas: _met, ...rest } = schema;
  const required = [...((rest['required'] ?? []) as string[]), ...met.map(([name]) => name)];
  const all = { ...rest, required, allOf: met.map(([, part]) => part) };
  return make(making, { type: 'object', ...all }, depth) as object;
}
