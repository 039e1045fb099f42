/**
 * What a route says of itself: the schemas that its requests and answers are checked by, and the
 * words of the document. The one source of both.
 */
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
import type { StandardSchemaV1 } from '@standard-schema/spec';

import { isRouteSchema, type RouteSchema, schemaCheck, type ValidatorOf } from './schema.ts';
import { type Version, versionCheck } from './version-list.ts';

/** A part of a request. */
export type RequestPart = 'params' | 'query' | 'headers' | 'body';

/** The order in which a request is read, and in which its faults are told. */
export const PARTS: readonly RequestPart[] = Object.freeze<RequestPart[]>([
  'params',
  'query',
  'headers',
  'body',
]);

/** The lower-case methods that an OpenAPI document knows (OpenAPI 3.1.1 §4.8.9), in the order in which it lists them. */
export const METHODS = [
  'get',
  'put',
  'post',
  'delete',
  'options',
  'head',
  'patch',
  'trace',
] as const;
export type Method = (typeof METHODS)[number];

/** An answer in full. */
export interface AnswerDescription {
  /** @default the status' reason phrase */
  readonly description?: string;
  /** Of the body; without one the answer has none. */
  readonly body?: RouteSchema;
  /** Media type of the body. @default "application/json" */
  readonly type?: string;
  /** Headers by name, each by its schema. */
  readonly headers?: Readonly<Record<string, RouteSchema>>;
}

/** An answer: the schema of its body, its description where it has none, or both. */
export type RouteAnswer = RouteSchema | AnswerDescription | string;

/** Answers by status; `default` stands for every other. */
export type RouteAnswers = { readonly [status: number]: RouteAnswer } & {
  readonly default?: RouteAnswer;
};

/** A kind of problem (RFC 9457 §3.1), as a catalogue of problems lists it. */
export interface ProblemType {
  /** 400 to 599. */
  readonly status: number;
  /** @default the status' reason phrase */
  readonly title?: string;
  readonly code?: string;
  /** URI of the type. @default "about:blank" */
  readonly type?: string;
  readonly description?: string;
}

/** One exchange with the route, in full or in part. */
export interface RouteExample {
  readonly summary?: string;
  /** As they stand in the address. */
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  /** Of the answer. @default the first that the route describes */
  readonly status?: number;
  /** The body of the answer. */
  readonly answer?: unknown;
}

/** Schemes that an operation asks for: one name, or several at once, with their scopes. */
export type SecurityRequirement = string | Readonly<Record<string, readonly string[]>>;

/** What may differ for clients of older versions. */
export interface EarlierDescription {
  readonly summary?: string;
  readonly description?: string;
  readonly params?: RouteSchema;
  readonly query?: RouteSchema;
  readonly headers?: RouteSchema;
  readonly body?: RouteSchema;
  readonly responses?: RouteAnswers;
  readonly examples?: Readonly<Record<string, RouteExample>>;
}

/** A route in its own words. All of it may be absent. */
export interface RouteDescription {
  /** A few words. */
  readonly summary?: string | undefined;
  /** Markdown. */
  readonly description?: string | undefined;
  /** Unique in a document. @default method and pattern, such as "getApiCitiesById" */
  readonly operationId?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly deprecated?: boolean | undefined;
  /** Checked like any other, but in no document. @default false */
  readonly hidden?: boolean | undefined;
  /** Which method is documented, for a route that takes all. @default all but OPTIONS, HEAD and TRACE */
  readonly method?: Method | undefined;
  /** Of the parameters in the path. */
  readonly params?: RouteSchema | undefined;
  readonly query?: RouteSchema | undefined;
  /** Of the headers; names are in lower case. */
  readonly headers?: RouteSchema | undefined;
  /** Of the parsed body. */
  readonly body?: RouteSchema | undefined;
  /** Media type of the body. @default "application/json" */
  readonly bodyType?: string | undefined;
  /** What is answered, by status. */
  readonly responses?: RouteAnswers | undefined;
  /** What can go wrong besides what every route answers: statuses, or kinds of problem. @default [] */
  readonly problems?: readonly (number | ProblemType)[] | undefined;
  /** Any of these is enough; `[]`: none is needed. @default the document's */
  readonly security?: readonly SecurityRequirement[] | undefined;
  /** By name. They are checked by the schemas when the route is made. @default {} */
  readonly examples?: Readonly<Record<string, RouteExample>> | undefined;
  /** The first version that has the route. @default the oldest */
  readonly since?: Version | undefined;
  /** The last version that has the route. @default the newest */
  readonly until?: Version | undefined;
  /** What clients of a version, and of those before it, know instead. @default {} */
  readonly earlier?: Readonly<Record<string, EarlierDescription>> | undefined;
  /** Status of a request of which only the body is wrong; of others it is 400. @default 400 */
  readonly bodyStatus?: 400 | 422 | undefined;
  /**
   * What becomes of an answer that its schema does not allow: it is sent and reported, or fails
   * with 500. @default "report" where NODE_ENV is "development" or "test", otherwise "off"
   */
  readonly validateResponses?: 'off' | 'report' | 'throw' | undefined;
}

/** What the routes of one factory may have in common. */
export type SharedDescription = Pick<
  RouteDescription,
  | 'tags'
  | 'security'
  | 'problems'
  | 'deprecated'
  | 'hidden'
  | 'since'
  | 'until'
  | 'bodyStatus'
  | 'validateResponses'
>;

/** What the schemas make of a request. */
export type Valid<D extends RouteDescription> = {
  readonly [P in keyof D & RequestPart as undefined extends D[P] ? never : P]: OutputOf<D[P]>;
};

/** What a handler may send: what any of the schemas of its answers takes; anything without schemas. */
export type Sent<D extends RouteDescription> = [BodyOf<D>] extends [never]
  ? unknown
  : Sendable<BodyOf<D>>;

type OutputOf<S> =
  ValidatorOf<S> extends infer V extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<V> : never;

type BodyOf<D extends RouteDescription> = D['responses'] extends infer A
  ? A extends object
    ? { [K in keyof A]: InputOf<A[K] extends { readonly body: infer S } ? S : A[K]> }[keyof A]
    : never
  : never;

type InputOf<S> =
  ValidatorOf<S> extends infer V extends StandardSchemaV1 ? StandardSchemaV1.InferInput<V> : never;

/** What becomes this as JSON: lists may be read-only, and a text may be a `Date`. */
type Sendable<T> = T extends string
  ? T | { toJSON(): T }
  : T extends readonly (infer M)[]
    ? readonly Sendable<M>[]
    : T extends object
      ? { readonly [K in keyof T]: Sendable<T[K]> }
      : T;

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
  checkExamples('route', described.examples);
  for (const [version, earlier] of Object.entries(described.earlier ?? {})) {
    const owner = `route, earlier "${version}"`;
    resolveOptions<EarlierDescription>(owner, {}, EARLIER_CHECKS, earlier);
    checkAnswers(owner, earlier.responses);
    checkExamples(owner, earlier.examples);
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

function checkExamples(owner: string, examples: Readonly<Record<string, RouteExample>> = {}): void {
  for (const [name, example] of Object.entries(examples)) {
    resolveOptions<RouteExample>(`${owner}, example "${name}"`, {}, EXAMPLE_CHECKS, example);
  }
}

/** An answer, whichever way it was given. */
export function fullAnswer(answer: RouteAnswer): AnswerDescription {
  if (typeof answer === 'string') return { description: answer };
  return isRouteSchema(answer) ? { body: answer } : answer;
}
