/** Whether a value is one of a schema: what is made by chance is checked before it is sent. */
import { isFormat } from './formats.ts';
import type { JsonSchema, Schema, SchemaObject } from './schema.ts';

/** @param schema the part of `owner` that the value is checked against */
export function isValid(owner: Schema, schema: JsonSchema, value: unknown): boolean {
  if (typeof schema === 'boolean') return schema;
  return (
    isOfAnyKind(owner, schema, value) &&
    isOfType(schema.type, value) &&
    (typeof value !== 'string' || isText(owner, schema, value)) &&
    (typeof value !== 'number' || isNumber(schema, value)) &&
    (!Array.isArray(value) || isList(owner, schema, value)) &&
    (!isObject(value) || isRecord(owner, schema, value))
  );
}

/** Keywords for values of every type. */
function isOfAnyKind(owner: Schema, schema: SchemaObject, value: unknown): boolean {
  const ok = (part: unknown): boolean => isValid(owner, part as JsonSchema, value);
  const { $ref, allOf, anyOf, oneOf, not } = schema;
  if (typeof $ref === 'string' && !ok(owner.resolve($ref))) return false;
  if ('const' in schema && !isEqual(schema['const'], value)) return false;
  if (Array.isArray(schema['enum']) && !schema['enum'].some((one) => isEqual(one, value)))
    return false;
  if (Array.isArray(allOf) && !allOf.every(ok)) return false;
  if (Array.isArray(anyOf) && !anyOf.some(ok)) return false;
  if (Array.isArray(oneOf) && oneOf.filter(ok).length !== 1) return false;
  if (not !== undefined && ok(not)) return false;
  if (schema['if'] === undefined) return true;
  return ok((ok(schema['if']) ? schema['then'] : schema['else']) ?? true);
}

function isOfType(type: unknown, value: unknown): boolean {
  if (type === undefined) return true;
  const own = value === null ? 'null' : Array.isArray(value) ? 'array' : (typeof value as string);
  return [type].flat().some((one) => one === own || (one === 'integer' && Number.isInteger(value)));
}

function isText(owner: Schema, schema: SchemaObject, value: string): boolean {
  const { minLength, maxLength, pattern, format } = schema;
  // JSON Schema counts characters, not code units (RFC 8259 §1).
  const length = minLength === undefined && maxLength === undefined ? 0 : Array.from(value).length;
  return (
    isWithin(length, minLength, maxLength) &&
    (typeof pattern !== 'string' || owner.pattern(pattern).test(value)) &&
    (typeof format !== 'string' || isFormat(format, value))
  );
}

function isNumber(schema: SchemaObject, value: number): boolean {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  return (
    isWithin(value, minimum, maximum) &&
    (typeof exclusiveMinimum !== 'number' || value > exclusiveMinimum) &&
    (typeof exclusiveMaximum !== 'number' || value < exclusiveMaximum) &&
    (typeof multipleOf !== 'number' || Number.isInteger(value / multipleOf))
  );
}

function isList(owner: Schema, schema: SchemaObject, list: readonly unknown[]): boolean {
  const { minItems, maxItems, uniqueItems, items, contains, minContains = 1, maxContains } = schema;
  const prefix = (schema['prefixItems'] ?? []) as readonly JsonSchema[];
  if (!isWithin(list.length, minItems, maxItems)) return false;
  const rest = (items ?? true) as JsonSchema;
  if (!list.every((one, at) => isValid(owner, prefix[at] ?? rest, one))) return false;
  if (uniqueItems === true && hasTwins(list)) return false;
  if (contains === undefined) return true;
  const found = list.filter((one) => isValid(owner, contains as JsonSchema, one)).length;
  return isWithin(found, minContains, maxContains);
}

export function hasTwins(list: readonly unknown[]): boolean {
  return list.some((one, at) => list.slice(at + 1).some((other) => isEqual(one, other)));
}

function isRecord(
  owner: Schema,
  schema: SchemaObject,
  record: Readonly<Record<string, unknown>>,
): boolean {
  const { minProperties, maxProperties, required, propertyNames, additionalProperties } = schema;
  const names = Object.keys(record);
  const has = (name: string): boolean => Object.hasOwn(record, name);
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const patterns = Object.entries((schema['patternProperties'] ?? {}) as SchemaObject);
  const dependents = Object.entries((schema['dependentRequired'] ?? {}) as SchemaObject);
  const dependentSchemas = Object.entries((schema['dependentSchemas'] ?? {}) as SchemaObject);
  const isMember = (name: string): boolean => {
    const value = record[name];
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const matching = patterns.filter(([pattern]) => owner.pattern(pattern).test(name));
    if (own !== undefined && !isValid(owner, own, value)) return false;
    if (!matching.every(([, part]) => isValid(owner, part as JsonSchema, value))) return false;
    const isKnown = own !== undefined || matching.length > 0;
    return isKnown || isValid(owner, (additionalProperties ?? true) as JsonSchema, value);
  };
  return (
    isWithin(names.length, minProperties, maxProperties) &&
    ((required ?? []) as readonly string[]).every(has) &&
    (propertyNames === undefined ||
      names.every((name) => isValid(owner, propertyNames as JsonSchema, name))) &&
    dependents.every(([name, others]) => !has(name) || (others as string[]).every(has)) &&
    dependentSchemas.every(
      ([name, part]) => !has(name) || isValid(owner, part as JsonSchema, record),
    ) &&
    names.every(isMember)
  );
}

function isWithin(value: number, least: unknown, most: unknown): boolean {
  return (
    (typeof least !== 'number' || value >= least) && (typeof most !== 'number' || value <= most)
  );
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Equal as JSON values are: the order of members does not matter. */
export function isEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((member, at) => isEqual(member, other[at]));
  }
  if (!isObject(one) || !isObject(other)) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isEqual(one[name], other[name]))
  );
}
