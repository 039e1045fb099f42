/** The parameters of an operation: those of its pattern, and those that its schemas name. */
import { PARAMETER_PLACES } from '@org/core';

import type { SchemaComponents, SchemaUse } from './components.ts';
import type { RouteDescription } from './description.ts';
import { entriesOf } from './examples.ts';
import { type OperationPlace, useOf } from './operation-place.ts';
import type { JsonSchema, RouteSchema } from './schema.ts';

/** A parameter, as a document has it. */
export interface ParameterObject {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header' | 'cookie';
  readonly [member: string]: unknown;
}

/** Headers that are no parameters (OpenAPI 3.1.1 §4.8.12.1): the document tells them elsewhere. */
const NO_PARAMETERS: ReadonlySet<string> = new Set(['accept', 'content-type', 'authorization']);

export function parametersOf(
  description: RouteDescription,
  place: OperationPlace,
  schemas: SchemaComponents,
  versionParameter: ParameterObject | undefined,
): readonly ParameterObject[] {
  const path = membersOf(description.params, useOf('params', place), schemas);
  const { names, ownNames, wildcards } = place.template;
  for (const [name, { isRequired }] of path) {
    if (!isRequired || ownNames.includes(name)) continue;
    schemas.problems.push(
      `${useOf('params', place).where} need "${name}", which is not in the path: no request is right.`,
    );
  }
  const inPath = names.map((name, at): ParameterObject => {
    const isWildcard = wildcards.has(name);
    const own = ownNames[at]!;
    return {
      name,
      in: 'path',
      required: true,
      ...(isWildcard ? { description: 'May contain slashes.' } : {}),
      ...parameterOf(path.get(own)?.schema ?? { type: 'string' }),
      ...examplesOf(description, 'params', own, path.get(own)?.schema),
    };
  });
  const versionHeader = versionParameter?.name.toLowerCase();
  const isTold = (name: string): boolean =>
    NO_PARAMETERS.has(name.toLowerCase()) || name.toLowerCase() === versionHeader;
  const others = (['query', 'headers'] as const).flatMap((part) =>
    [...membersOf(description[part], useOf(part, place), schemas)]
      .filter(([name]) => part === 'query' || !isTold(name))
      .map(([name, { schema, isRequired }]): ParameterObject => ({
        name,
        in: PARAMETER_PLACES[part]!,
        ...(isRequired ? { required: true } : {}),
        ...parameterOf(schema),
        ...examplesOf(description, part, name, schema),
      })),
  );
  return [...inPath, ...others, ...(versionParameter === undefined ? [] : [versionParameter])];
}

/** What a schema says of a parameter belongs to the parameter. */
export function parameterOf(schema: JsonSchema): object {
  const { description, deprecated, ...rest } = schema;
  return {
    ...(description === undefined ? {} : { description }),
    ...(deprecated === true ? { deprecated } : {}),
    schema: rest,
  };
}

interface Member {
  readonly schema: JsonSchema;
  readonly isRequired: boolean;
}

/** The properties of an object's schema, those of the schemas that it is made of among them. */
function membersOf(
  given: RouteSchema | undefined,
  use: SchemaUse,
  schemas: SchemaComponents,
): ReadonlyMap<string, Member> {
  const members = new Map<string, Member>();
  if (given === undefined) return members;
  const collect = (schema: JsonSchema): void => {
    const {
      properties = {},
      required = [],
      allOf = [],
    } = schemas.resolve(schema) as {
      readonly properties?: Readonly<Record<string, JsonSchema>>;
      readonly required?: readonly string[];
      readonly allOf?: readonly JsonSchema[];
    };
    for (const part of allOf) collect(part);
    for (const [name, member] of Object.entries(properties)) {
      members.set(name, { schema: member, isRequired: required.includes(name) });
    }
  };
  const schema = schemas.use(given, use);
  collect(schema);
  if (
    members.size === 0 &&
    Object.keys(schema).length > 0 &&
    !isEmptyObject(schemas.resolve(schema))
  ) {
    schemas.problems.push(`${use.where} must be an object with a property for each parameter.`);
  }
  return members;
}

function isEmptyObject({ type, anyOf, oneOf }: JsonSchema): boolean {
  return type === 'object' && anyOf === undefined && oneOf === undefined;
}

function examplesOf(
  description: RouteDescription,
  part: 'params' | 'query' | 'headers',
  name: string,
  { type }: JsonSchema = {},
): object {
  const isNumber = type === 'integer' || type === 'number';
  const examples = entriesOf(description, (example) => {
    const value = example[part]?.[name];
    // In an address a number is text; in the document it is what its schema says.
    return isNumber && typeof value === 'string' ? Number(value) : value;
  });
  return examples === undefined ? {} : { examples };
}
