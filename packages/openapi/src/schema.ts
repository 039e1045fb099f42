/**
 * Schemas, as this package takes them: what validates by Standard Schema and can tell its own
 * JSON Schema by Standard JSON Schema (zod from 4.2, arktype), or a pair of the two. No validator
 * is imported: they all speak through `~standard`.
 */
import type { Check } from '@org/core';
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';

/** A JSON Schema of the dialect 2020-12, which is that of OpenAPI 3.1. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A validator, with the JSON Schema that it cannot tell by itself. */
export interface SchemaPair<T extends StandardSchemaV1 = StandardSchemaV1> {
  readonly schema: T;
  readonly jsonSchema: JsonSchema;
}

/** What a route checks a part by. */
export type RouteSchema = StandardSchemaV1 | SchemaPair;

/** The validator of a schema. */
export type ValidatorOf<S> = S extends StandardSchemaV1
  ? S
  : S extends SchemaPair<infer T>
    ? T
    : never;

/** The option check for one. */
export const schemaCheck: Check<RouteSchema> = {
  expected:
    'a Standard Schema that can tell its JSON Schema, such as one of zod from 4.2, or { schema, jsonSchema }',
  accepts: (value): value is RouteSchema => isSchema(value) || isPair(value),
};

/** Whether a value is a schema and no description with one inside. */
export function isRouteSchema(value: unknown): value is RouteSchema {
  return isValidator(value) || isPair(value);
}

export function validatorOf(schema: RouteSchema): StandardSchemaV1 {
  return isPair(schema) ? schema.schema : schema;
}

/**
 * The JSON Schema of what is sent, by clients and by handlers: answers are checked, not rewritten,
 * so both are the input of their schema.
 * @throws what the validator throws for what no JSON Schema can say, such as a date of zod
 */
export function jsonSchemaOf(schema: RouteSchema): JsonSchema {
  if (isPair(schema)) return schema.jsonSchema;
  const { jsonSchema } = (schema as unknown as StandardJSONSchemaV1)['~standard'];
  return jsonSchema.input({ target: 'draft-2020-12' });
}

function isPair(value: unknown): value is SchemaPair {
  const { schema, jsonSchema } = (value ?? {}) as Partial<SchemaPair>;
  return isValidator(schema) && typeof jsonSchema === 'object' && jsonSchema !== null;
}

function isSchema(value: unknown): boolean {
  if (!isValidator(value)) return false;
  const { jsonSchema } = (value as unknown as Partial<StandardJSONSchemaV1>)['~standard'] ?? {};
  return typeof jsonSchema?.input === 'function';
}

function isValidator(value: unknown): value is StandardSchemaV1 {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as Partial<StandardSchemaV1>)['~standard']?.validate === 'function'
  );
}
