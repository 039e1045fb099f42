/**
 * One schema for values that are of two. What cannot be told by one, such as two patterns, is left
 * to the check of the value that is made.
 */
import { isEqual } from './schema-check.ts';
import type { JsonSchema, SchemaObject } from './schema.ts';

type Merge = (one: unknown, other: unknown) => unknown;

const larger: Merge = (one, other) => Math.max(one as number, other as number);
const smaller: Merge = (one, other) => Math.min(one as number, other as number);
const union: Merge = (one, other) => [...new Set([...(one as string[]), ...(other as string[])])];
const both: Merge = (one, other) => {
  if (one === true) return other;
  if (other === true) return one;
  return one === false || other === false ? false : { allOf: [one, other] };
};
const bothByName: Merge = (one, other) => {
  const merged = new Map(Object.entries(one as Record<string, JsonSchema>));
  for (const [name, schema] of Object.entries(other as Record<string, JsonSchema>)) {
    const known = merged.get(name);
    merged.set(name, known === undefined ? schema : (both(known, schema) as JsonSchema));
  }
  return Object.fromEntries(merged);
};
const common: Merge = (one, other) =>
  (one as unknown[]).filter((value) => (other as unknown[]).some((known) => isEqual(known, value)));

const MERGES: Readonly<Record<string, Merge>> = Object.freeze({
  minimum: larger,
  exclusiveMinimum: larger,
  minLength: larger,
  minItems: larger,
  minProperties: larger,
  minContains: larger,
  maximum: smaller,
  exclusiveMaximum: smaller,
  maxLength: smaller,
  maxItems: smaller,
  maxProperties: smaller,
  maxContains: smaller,
  required: union,
  properties: bothByName,
  patternProperties: bothByName,
  dependentSchemas: bothByName,
  items: both,
  additionalProperties: both,
  propertyNames: both,
  contains: both,
  not: (one, other) => ({ anyOf: [one, other] }),
  enum: common,
  type: commonTypes,
  uniqueItems: (one, other) => one === true || other === true,
});

export function mergeSchemas(one: SchemaObject, other: SchemaObject): SchemaObject {
  const merged: Record<string, unknown> = { ...one };
  for (const [keyword, value] of Object.entries(other)) {
    const known = merged[keyword];
    const merge = Object.hasOwn(MERGES, keyword) ? MERGES[keyword] : undefined;
    merged[keyword] = known === undefined || merge === undefined ? value : merge(known, value);
  }
  return merged;
}

/** Every whole number is a number. */
function commonTypes(one: unknown, other: unknown): unknown {
  const [mine, theirs] = [[one].flat(), [other].flat()] as [string[], string[]];
  const found = mine.flatMap((type) => {
    if (theirs.includes(type)) return [type];
    if (type === 'number' && theirs.includes('integer')) return ['integer'];
    return type === 'integer' && theirs.includes('number') ? ['integer'] : [];
  });
  if (found.length === 0) throw new Error('its schema wants two types at once');
  return found.length === 1 ? found[0] : found;
}
