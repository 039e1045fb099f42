/** One operation of a document, from the description of its route. */
import { STATUS_CODES } from 'node:http';

import { exampleStatus } from './answer-check.ts';
import type { SchemaComponents, SchemaUse } from './components.ts';
import {
  fullAnswer,
  type ProblemType,
  type RouteAnswer,
  type RouteDescription,
  type SecurityRequirement,
} from './description.ts';
import type { PathTemplate } from './path-template.ts';
import type { ProblemAnswers, ResponseObject } from './problem-answers.ts';
import { PLACES } from './request-problem.ts';
import type { JsonSchema, RouteSchema } from './schema.ts';

/** A parameter, as a document has it. */
export interface ParameterObject {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header' | 'cookie';
  readonly [member: string]: unknown;
}

/** An operation, as a document has it. */
export interface OperationObject {
  readonly operationId: string;
  readonly parameters?: readonly ParameterObject[];
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<string, ResponseObject | { readonly $ref: string }>>;
  readonly [member: string]: unknown;
}

/** What an operation needs to know of its document. */
export interface OperationContext {
  readonly schemas: SchemaComponents;
  readonly problemAnswers: ProblemAnswers;
  /** Statuses that what stands in front of every route may answer. */
  readonly problems: readonly (number | ProblemType)[];
  readonly security: readonly SecurityRequirement[];
  /** Names of the schemes that there are. */
  readonly schemes: ReadonlySet<string>;
  /** The parameter that says which version is asked for. */
  readonly versionParameter: ParameterObject | undefined;
  /** What changed here with the version, for the description. */
  readonly changes: readonly string[];
}

/** Where an operation is. */
export interface OperationPlace {
  readonly method: string;
  readonly template: PathTemplate;
  readonly operationId: string;
}

/** Headers that are no parameters (OpenAPI 3.1.1 §4.8.12.1): the document tells them elsewhere. */
const NO_PARAMETERS: ReadonlySet<string> = new Set(['accept', 'content-type', 'authorization']);

export function operationOf(
  description: RouteDescription,
  place: OperationPlace,
  context: OperationContext,
): OperationObject {
  const { security = context.security } = description;
  for (const name of requirementsOf(security).flatMap(Object.keys)) {
    if (context.schemes.has(name)) continue;
    context.schemas.problems.push(
      `${place.method.toUpperCase()} ${place.template.path} asks for "${name}", which "securitySchemes" does not have.`,
    );
  }
  const text = [description.description, ...context.changes].filter(Boolean).join('\n\n');
  const parameters = parametersOf(description, place, context);
  return {
    operationId: place.operationId,
    ...(description.summary === undefined ? {} : { summary: description.summary }),
    ...(text === '' ? {} : { description: text }),
    ...(description.tags === undefined ? {} : { tags: description.tags }),
    ...(description.deprecated === true ? { deprecated: true } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(description.body === undefined
      ? {}
      : { requestBody: bodyOf(description, description.body, place, context) }),
    responses: responsesOf(description, place, context, security),
    ...(description.security === undefined ? {} : { security: requirementsOf(security) }),
  };
}

/** Requirements in the form of the document. */
export function requirementsOf(security: readonly SecurityRequirement[]): readonly object[] {
  return security.map((one) => (typeof one === 'string' ? { [one]: [] } : one));
}

function parametersOf(
  description: RouteDescription,
  place: OperationPlace,
  { schemas, versionParameter }: OperationContext,
): readonly ParameterObject[] {
  const path = membersOf(description.params, useOf('params', place), schemas);
  const inPath = place.template.names.map((name): ParameterObject => {
    const isWildcard = place.template.wildcards.has(name);
    return {
      name,
      in: 'path',
      required: true,
      ...(isWildcard ? { description: 'May contain slashes.' } : {}),
      ...parameterOf(path.get(name)?.schema ?? { type: 'string' }),
      ...examplesOf(description, 'params', name, path.get(name)?.schema),
    };
  });
  const others = (['query', 'headers'] as const).flatMap((part) =>
    [...membersOf(description[part], useOf(part, place), schemas)]
      .filter(([name]) => part === 'query' || !NO_PARAMETERS.has(name.toLowerCase()))
      .map(([name, { schema, isRequired }]): ParameterObject => ({
        name,
        in: PLACES[part]!,
        ...(isRequired ? { required: true } : {}),
        ...parameterOf(schema),
        ...examplesOf(description, part, name, schema),
      })),
  );
  return [...inPath, ...others, ...(versionParameter === undefined ? [] : [versionParameter])];
}

/** What a schema says of a parameter belongs to the parameter. */
function parameterOf(schema: JsonSchema): object {
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

function bodyOf(
  description: RouteDescription,
  body: RouteSchema,
  place: OperationPlace,
  { schemas }: OperationContext,
): object {
  const examples = entriesOf(description, ({ body: value }) => value);
  return {
    required: true,
    content: {
      [description.bodyType ?? 'application/json']: {
        schema: schemas.use(body, useOf('body', place)),
        ...(examples === undefined ? {} : { examples }),
      },
    },
  };
}

function responsesOf(
  description: RouteDescription,
  place: OperationPlace,
  { schemas, problemAnswers, problems }: OperationContext,
  security: readonly SecurityRequirement[],
): OperationObject['responses'] {
  const responses: Record<string, ResponseObject | { readonly $ref: string }> = {};
  const answers = (description.responses ?? {}) as Record<string, RouteAnswer>;
  for (const [status, answer] of Object.entries(answers)) {
    const { description: words, body, type = 'application/json', headers } = fullAnswer(answer);
    const examples = entriesOf(description, (example) =>
      exampleStatus(description, example.status) === status ? example.answer : undefined,
    );
    responses[status] = {
      description: words ?? STATUS_CODES[Number(status)] ?? 'Any other answer',
      ...(headers === undefined
        ? {}
        : {
            headers: Object.fromEntries(
              Object.entries(headers).map(([name, schema]) => [
                name,
                parameterOf(schemas.use(schema, useOf(`header ${name} of the answer`, place))),
              ]),
            ),
          }),
      ...(body === undefined
        ? {}
        : {
            content: {
              [type]: {
                schema: schemas.use(body, useOf(`answer ${status}`, place)),
                ...(examples === undefined ? {} : { examples }),
              },
            },
          }),
    };
  }
  if (Object.keys(responses).length === 0) responses['200'] = { description: 'OK' };

  const validation = validationStatuses(description);
  const named = new Map<number, ProblemType[]>();
  for (const one of [...problems, ...(description.problems ?? [])]) {
    const type = typeof one === 'number' ? { status: one } : one;
    named.set(type.status, [...(named.get(type.status) ?? []), type]);
  }
  const statuses = new Set([
    ...validation,
    ...(security.length > 0 ? [401, 403] : []),
    ...(description.body === undefined ? [] : [413, 415]),
    ...named.keys(),
  ]);
  for (const status of [...statuses].toSorted((a, b) => a - b)) {
    // What the route says of a status itself stands.
    if (responses[status] !== undefined) continue;
    const types = (named.get(status) ?? []).filter((one) => Object.keys(one).length > 1);
    const isValidation = validation.includes(status);
    responses[status] =
      types.length === 0
        ? problemAnswers.common(status, isValidation)
        : problemAnswers.ofTypes(status, types, isValidation);
  }
  return responses;
}

/** What a request that does not fit is answered with. */
function validationStatuses(description: RouteDescription): readonly number[] {
  const { params, query, headers, body, bodyStatus = 400 } = description;
  const statuses = new Set<number>();
  if ((params ?? query ?? headers) !== undefined) statuses.add(400);
  if (body !== undefined) statuses.add(bodyStatus);
  return [...statuses];
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

/** The examples that have a value here, by name. */
function entriesOf(
  { examples = {} }: RouteDescription,
  valueOf: (example: NonNullable<RouteDescription['examples']>[string]) => unknown,
): object | undefined {
  const entries = Object.entries(examples).flatMap(([name, example]) => {
    const value = valueOf(example);
    if (value === undefined) return [];
    const summary = example.summary === undefined ? {} : { summary: example.summary };
    return [[name.replaceAll(/[^\w.-]/g, '_'), { ...summary, value }] as const];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function useOf(what: string, { method, template, operationId }: OperationPlace): SchemaUse {
  const camel = (text: string): string =>
    text
      .split(/[^A-Za-z0-9]+/)
      .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
      .join('');
  return {
    where: `the ${what} of ${method.toUpperCase()} ${template.path}`,
    name: camel(operationId) + camel(what),
  };
}
