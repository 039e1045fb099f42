/**
 * The answers that a document owes to what stands in front of its handlers: problem documents
 * (RFC 9457), by status. What every route may answer stands once in the components.
 */
import { STATUS_CODES } from 'node:http';
import { PROBLEM_JSON } from '@org/core';

import type { ProblemType } from './description.ts';
import { pointerTo, type SchemaComponents } from './components.ts';
import type { JsonSchema } from './schema.ts';

/** A response, as a document has it. */
export interface ResponseObject {
  readonly description: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, unknown>>;
}

/** RFC 9457 §3.1, with the code that the house adds. */
const PROBLEM: JsonSchema = Object.freeze({
  type: 'object',
  description: 'What went wrong (RFC 9457).',
  properties: {
    type: { type: 'string', format: 'uri-reference', description: 'The kind of problem.' },
    title: { type: 'string', description: 'The kind of problem, in a few words.' },
    status: { type: 'integer', minimum: 100, maximum: 599 },
    detail: { type: 'string', description: 'What happened this time.' },
    instance: { type: 'string', format: 'uri-reference' },
    code: { type: 'string', description: 'Stable; made for programs.' },
  },
  required: ['type', 'title', 'status'],
});

const VALIDATION = 'ERR_VALIDATION';

/** As `requestProblem` tells it. */
const VALIDATION_EXAMPLE = Object.freeze({
  type: 'about:blank',
  title: 'Validation failed',
  status: 400,
  detail: 'One value is not as expected.',
  code: VALIDATION,
  errors: [{ detail: 'Invalid input: expected number, received string', pointer: '#/items/0' }],
});

const VALIDATION_PROBLEM: JsonSchema = Object.freeze({
  allOf: [pointerTo('Problem')],
  type: 'object',
  description: 'A request that is not as it is described.',
  properties: {
    code: { const: VALIDATION },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          detail: { type: 'string' },
          pointer: {
            type: 'string',
            format: 'uri-reference',
            description: 'Where in that part of the request (RFC 6901).',
          },
          in: {
            enum: ['path', 'query', 'header'],
            description: 'The part of the request; absent for the body.',
          },
          parameter: { type: 'string' },
        },
        required: ['detail', 'pointer'],
      },
    },
    moreErrors: { type: 'integer', description: 'How many are not listed.' },
  },
});

/** Why a status is answered that a route does not speak of. */
const REASONS: Readonly<Record<number, string>> = Object.freeze({
  400: 'The request is not as it is described.',
  401: 'Nobody is known to have asked: credentials are missing or wrong.',
  403: 'Who asked may not do this.',
  413: 'The body is larger than is read.',
  415: 'The body has a media type that is not read.',
  422: 'The body is not as it is described.',
  429: 'Too many requests; Retry-After says when to ask again.',
  500: 'The service has failed.',
  503: 'The service cannot answer now; Retry-After says when to ask again.',
  504: 'What the service depends on has not answered in time.',
});

const RETRY_AFTER = Object.freeze({
  'Retry-After': {
    description: 'Seconds to wait (RFC 9110 §10.2.3).',
    schema: { type: 'integer', minimum: 0 },
  },
});

/** The problem answers of one document. */
export class ProblemAnswers {
  private readonly shared = new Map<string, ResponseObject>();
  private readonly schemas: SchemaComponents;

  constructor(schemas: SchemaComponents) {
    this.schemas = schemas;
  }

  /** The answer for a status that needs no words of the route's own, as a pointer. */
  common(status: number, isValidation: boolean): { readonly $ref: string } {
    const name = isValidation ? `ValidationProblem${status}` : `Problem${status}`;
    if (!this.shared.has(name)) {
      this.shared.set(name, this.answer(status, reasonOf(status), isValidation, []));
    }
    return { $ref: `#/components/responses/${name}` };
  }

  /** The answer for the kinds of problem that a route names. */
  ofTypes(status: number, types: readonly ProblemType[], isValidation: boolean): ResponseObject {
    const described = types.map(({ title, code, description }) =>
      [title ?? code, description].filter((part) => part !== undefined && part !== '').join(': '),
    );
    const words = [...(isValidation ? [reasonOf(status)] : []), ...described.filter(Boolean)];
    return this.answer(status, words.join('\n\n') || reasonOf(status), isValidation, types);
  }

  /** All that are shared, by name. */
  byName(): Readonly<Record<string, ResponseObject>> {
    return Object.fromEntries(
      [...this.shared].toSorted(([a], [b]) => (a < b ? -1 : Number(a > b))),
    );
  }

  private answer(
    status: number,
    description: string,
    isValidation: boolean,
    types: readonly ProblemType[],
  ): ResponseObject {
    const problem = this.schemas.define('Problem', PROBLEM);
    const schema =
      isValidation && types.length === 0
        ? this.schemas.define('ValidationProblem', VALIDATION_PROBLEM)
        : isValidation
          ? { anyOf: [this.schemas.define('ValidationProblem', VALIDATION_PROBLEM), problem] }
          : problem;
    const shown = types.length > 0 || isValidation ? types : [{ status }];
    const examples = Object.fromEntries([
      ...(isValidation
        ? [[VALIDATION, { value: { ...VALIDATION_EXAMPLE, status } }] as const]
        : []),
      ...shown.map(({ title, code, type = 'about:blank' }, at) => [
        code ?? `problem${at + 1}`,
        {
          value: {
            type,
            title: title ?? STATUS_CODES[status] ?? 'Error',
            status,
            ...(code === undefined ? {} : { code }),
          },
        },
      ]),
    ]);
    return {
      description,
      ...(status === 429 || status === 503 ? { headers: RETRY_AFTER } : {}),
      content: {
        [PROBLEM_JSON]: { schema, examples },
      },
    };
  }
}

function reasonOf(status: number): string {
  return REASONS[status] ?? STATUS_CODES[status] ?? 'Error';
}
