/**
 * What a route says of itself: the schemas that its requests and answers are checked by, and the
 * words of the document. The one source of both.
 */
import type { RequestPart } from '@org/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';

import { isRouteSchema, type RouteSchema, type ValidatorOf } from './schema.ts';
import type { Version } from './version-list.ts';

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

/** An answer, whichever way it was given. */
export function fullAnswer(answer: RouteAnswer): AnswerDescription {
  if (typeof answer === 'string') return { description: answer };
  return isRouteSchema(answer) ? { body: answer } : answer;
}
