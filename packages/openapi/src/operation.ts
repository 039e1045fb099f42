/** One operation of a document, from the description of its route. */
import { STATUS_CODES } from 'node:http';

import type { SchemaComponents } from './components.ts';
import {
  fullAnswer,
  type ProblemType,
  type RouteAnswer,
  type RouteDescription,
  type SecurityRequirement,
} from './description.ts';
import { entriesOf, exampleStatus } from './examples.ts';
import { type OperationPlace, useOf } from './operation-place.ts';
import { type ParameterObject, parameterOf, parametersOf } from './parameters.ts';
import type { ProblemAnswers, ResponseObject } from './problem-answers.ts';
import type { RouteSchema } from './schema.ts';

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
  const parameters = parametersOf(description, place, context.schemas, context.versionParameter);
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
