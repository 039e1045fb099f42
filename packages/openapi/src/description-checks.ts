/** What descriptions must be, and errors that say what they are not. */
import {
  boolean,
  type Check,
  type Checks,
  listOf,
  oneOf,
  OptionError,
  resolveOptions,
  text,
} from '@org/core';

import {
  type AnswerDescription,
  type EarlierDescription,
  METHODS,
  type ProblemType,
  type RouteAnswer,
  type RouteAnswers,
  type RouteDescription,
  type RouteExample,
  type SecurityRequirement,
  type SharedDescription,
} from './description.ts';
import { isRouteSchema, type RouteSchema, schemaCheck } from './schema.ts';
import { versionCheck } from './version-list.ts';

const words: Check<string> = text({ expected: 'text', pattern: /\S/ });
const mediaType: Check<string> = text({
  expected: 'a media type, such as "application/json"',
  // RFC 9110 §8.3.1
  pattern: /^[\w!#$&^.+-]+\/[\w!#$&^.+*-]+(?:\s*;.*)?$/,
});

function objectCheck<T>(expected: string): Check<T> {
  return {
    expected,
    accepts: (value): value is T =>
      typeof value === 'object' && value !== null && !Array.isArray(value),
  };
}

const problem: Check<number | ProblemType> = {
  expected: 'a status from 400 to 599, or a kind of problem with one',
  accepts: (value): value is number | ProblemType => {
    const status = typeof value === 'number' ? value : (value as ProblemType | null)?.status;
    return Number.isInteger(status) && status! >= 400 && status! <= 599;
  },
};

/** The check for a list of problems, which the document's options have too. */
export const problemsCheck: Check<readonly (number | ProblemType)[]> = listOf(problem);

/** The check for a list of requirements. */
export const securityCheck: Check<readonly SecurityRequirement[]> = listOf<SecurityRequirement>({
  expected: 'the name of a security scheme, or an object of names with their scopes',
  accepts: (value): value is SecurityRequirement =>
    typeof value === 'string' || (typeof value === 'object' && value !== null),
});

const CHECKS: Checks<RouteDescription> = Object.freeze<Checks<RouteDescription>>({
  summary: words,
  description: words,
  operationId: text({
    expected: 'a name that code can be made of, such as "getCity"',
    pattern: /^[\w.-]+$/,
  }),
  tags: listOf(words),
  deprecated: boolean(),
  hidden: boolean(),
  method: oneOf(...METHODS),
  params: schemaCheck,
  query: schemaCheck,
  headers: schemaCheck,
  body: schemaCheck,
  bodyType: mediaType,
  responses: objectCheck<RouteAnswers>('an object of answers by status'),
  problems: problemsCheck,
  security: securityCheck,
  examples: objectCheck<Readonly<Record<string, RouteExample>>>('an object of examples by name'),
  since: versionCheck,
  until: versionCheck,
  earlier: objectCheck<Readonly<Record<string, EarlierDescription>>>(
    'an object of what differs by version',
  ),
  bodyStatus: oneOf(400, 422),
  validateResponses: oneOf('off', 'report', 'throw'),
});

const SHARED_CHECKS: Checks<SharedDescription> = Object.freeze<Checks<SharedDescription>>({
  tags: CHECKS.tags,
  security: CHECKS.security,
  problems: CHECKS.problems,
  deprecated: CHECKS.deprecated,
  hidden: CHECKS.hidden,
  since: CHECKS.since,
  until: CHECKS.until,
  bodyStatus: CHECKS.bodyStatus,
  validateResponses: CHECKS.validateResponses,
});

const EARLIER_CHECKS: Checks<EarlierDescription> = Object.freeze<Checks<EarlierDescription>>({
  summary: CHECKS.summary,
  description: CHECKS.description,
  params: schemaCheck,
  query: schemaCheck,
  headers: schemaCheck,
  body: schemaCheck,
  responses: CHECKS.responses,
  examples: CHECKS.examples,
});

const ANSWER_CHECKS: Checks<AnswerDescription> = Object.freeze<Checks<AnswerDescription>>({
  description: words,
  body: schemaCheck,
  type: mediaType,
  headers: objectCheck<Readonly<Record<string, RouteSchema>>>('an object of schemas by name'),
});

const EXAMPLE_CHECKS: Checks<RouteExample> = Object.freeze<Checks<RouteExample>>({
  summary: words,
  params: objectCheck('an object of parameters'),
  query: objectCheck('an object of parameters'),
  headers: objectCheck('an object of headers'),
  body: { expected: 'a body', accepts: (value): value is unknown => value !== undefined },
  status: { expected: 'a status', accepts: (value): value is number => Number.isInteger(value) },
  answer: { expected: 'a body', accepts: (value): value is unknown => value !== undefined },
});

/** @throws OptionError naming what routes cannot have in common */
export function checkShared(given: SharedDescription | undefined): Readonly<SharedDescription> {
  return resolveOptions<SharedDescription>('routes', {}, SHARED_CHECKS, given);
}

/**
 * A description that is complete and of the right form.
 * @throws OptionError naming what is not
 */
export function checkDescription(
  defaults: SharedDescription,
  given: RouteDescription,
): Readonly<RouteDescription> {
  const described = resolveOptions<RouteDescription>('route', defaults, CHECKS, given);
  checkAnswers('route', described.responses);
  checkExampleForms('route', described.examples);
  for (const [version, earlier] of Object.entries(described.earlier ?? {})) {
    const owner = `route, earlier "${version}"`;
    resolveOptions<EarlierDescription>(owner, {}, EARLIER_CHECKS, earlier);
    checkAnswers(owner, earlier.responses);
    checkExampleForms(owner, earlier.examples);
  }
  return described;
}

function checkAnswers(owner: string, answers: RouteAnswers = {}): void {
  for (const [status, answer] of Object.entries(answers as Record<string, RouteAnswer>)) {
    if (status !== 'default' && !/^[1-5]\d\d$/.test(status)) {
      throw new OptionError(owner, [
        `option "responses" has "${status}"; use a status, or "default".`,
      ]);
    }
    if (typeof answer === 'string') continue;
    if (!isRouteSchema(answer)) {
      const { headers = {} } = resolveOptions<AnswerDescription>(
        `${owner}, response ${status}`,
        {},
        ANSWER_CHECKS,
        answer,
      );
      for (const [name, schema] of Object.entries(headers)) {
        if (schemaCheck.accepts(schema)) continue;
        throw new OptionError(`${owner}, response ${status}`, [
          `the header "${name}" must be ${schemaCheck.expected}.`,
        ]);
      }
    } else if (!schemaCheck.accepts(answer)) {
      throw new OptionError(`${owner}, response ${status}`, [
        `the schema must be ${schemaCheck.expected}.`,
      ]);
    }
  }
}

function checkExampleForms(
  owner: string,
  examples: Readonly<Record<string, RouteExample>> = {},
): void {
  for (const [name, example] of Object.entries(examples)) {
    resolveOptions<RouteExample>(`${owner}, example "${name}"`, {}, EXAMPLE_CHECKS, example);
  }
}
