/**
 * Checks what a route takes against schemas, by Standard Schema v1: zod, valibot, arktype, and
 * ajv through `fromAjv`. Mounted on a route, behind the body parser; what passed is at
 * `req.valid`, and the request itself stays as it came.
 */
import {
  type Check,
  type Checks,
  defineMiddleware,
  type Exchange,
  type Given,
  type Middleware,
  oneOf,
  OptionError,
  type PartIssues,
  requestProblem,
  type RequestPart,
  resolveOptions,
  type Stats,
  type StepResult,
} from '@org/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Request } from 'express';

/** Schemas by the part of the request that they are for. */
export interface RequestSchemas {
  readonly params?: StandardSchemaV1 | undefined;
  readonly query?: StandardSchemaV1 | undefined;
  readonly headers?: StandardSchemaV1 | undefined;
  readonly body?: StandardSchemaV1 | undefined;
}

export interface ValidateOptions {
  /** Status of a request of which only the body is wrong; of others it is 400. @default 400 */
  readonly bodyStatus: 400 | 422;
}

export const VALIDATE_DEFAULTS: Readonly<ValidateOptions> = Object.freeze<ValidateOptions>({
  bodyStatus: 400,
});

/** What schemas make of a request. */
export type Valid<S extends RequestSchemas> = {
  readonly [
    P in keyof S & RequestPart as undefined extends S[P] ? never : P
  ]: S[P] extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<S[P]> : never;
};

/** The middleware, and its values with their types. */
export interface Validate<S extends RequestSchemas> extends Middleware {
  /** What the schemas made of this request: `req.valid`, typed. @throws TypeError where this middleware has not run */
  valid(req: Request): Valid<S>;
  stats(): Stats;
}

/** A request that has passed: `(req: ValidRequest<typeof check>, res) => …`. */
export type ValidRequest<V> = Request & {
  valid: V extends Validate<infer S> ? Valid<S> : never;
};

declare global {
  namespace Express {
    interface Request {
      /** What the schemas of `validate` made of this request; `ValidRequest` knows its type. */
      // oxlint-disable-next-line typescript/no-explicit-any
      valid: any;
    }
  }
}

const CHECKS: Checks<ValidateOptions> = { bodyStatus: oneOf(400, 422) };

/** The order in which a request is read, and in which its faults are told. */
const PARTS: readonly RequestPart[] = ['params', 'query', 'headers', 'body'];

const SCHEMA: Check<StandardSchemaV1> = {
  expected: 'a Standard Schema, such as one of zod or valibot, or fromAjv(ajv.compile(schema))',
  accepts: (value): value is StandardSchemaV1 =>
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as Partial<StandardSchemaV1>)['~standard']?.validate === 'function',
};

type PartResult = StandardSchemaV1.Result<unknown>;

/** Makes the check of a route. @throws OptionError for what is no schema, or no part of a request */
export function validate<const S extends RequestSchemas>(
  schemas: S,
  options?: Given<ValidateOptions>,
): Validate<S> {
  const { bodyStatus } = resolveOptions('validate', VALIDATE_DEFAULTS, CHECKS, options);
  const given = resolveOptions<RequestSchemas>(
    'validate',
    {},
    { params: SCHEMA, query: SCHEMA, headers: SCHEMA, body: SCHEMA },
    schemas,
  );
  const parts = PARTS.filter((part) => given[part] !== undefined);
  if (parts.length === 0) {
    throw new OptionError('validate', [`there is nothing to check: give ${PARTS.join(', ')}.`]);
  }
  const checked = new WeakSet<Request>();
  const counts = { valid: 0, invalid: 0 };

  function finish(exchange: Exchange, results: readonly PartResult[]): void {
    const found: PartIssues[] = [];
    const values: Partial<Record<RequestPart, unknown>> = {};
    for (const [at, result] of results.entries()) {
      const part = parts[at]!;
      if (result.issues === undefined) values[part] = result.value;
      else found.push({ part, issues: result.issues });
    }
    if (found.length > 0) {
      counts.invalid++;
      throw requestProblem(found, bodyStatus);
    }
    counts.valid++;
    checked.add(exchange.req);
    // A router may check its params, and a route within it the rest.
    exchange.req.valid = { ...(exchange.req.valid as object | undefined), ...values };
  }

  const middleware = defineMiddleware({
    name: 'validate',
    phase: 'read',
    reason: 'needs the body, and spares the handler what it cannot use',
    step(exchange): StepResult {
      const { req } = exchange;
      const results = parts.map((part) => given[part]!['~standard'].validate(req[part]));
      return results.every(isSettled)
        ? finish(exchange, results)
        : Promise.all(results.map(settle)).then((settled) => finish(exchange, settled));
    },
    stats: (): Stats => ({ validTotal: counts.valid, invalidTotal: counts.invalid }),
  });

  return Object.assign(middleware, {
    valid(req: Request): Valid<S> {
      if (checked.has(req)) return req.valid as Valid<S>;
      throw new TypeError(
        'validate: this request has not been checked by these schemas. Mount the middleware ahead of the handler.',
      );
    },
  }) as Validate<S>;
}

function isSettled(result: PartResult | Promise<PartResult>): result is PartResult {
  return !(result instanceof Promise);
}

async function settle(result: PartResult | Promise<PartResult>): Promise<PartResult> {
  return result;
}
