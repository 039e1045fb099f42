/**
 * Holds answers to the route's own schemas. What is checked is what a client gets: the value as
 * JSON makes it, without what is undefined, and with dates as text. It is sent as it is.
 */
import { defineStages, type Exchange, ProblemError, report, type Stages } from '@org/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';

import { fullAnswer, type RouteAnswer, type RouteDescription } from './description.ts';
import { issueText } from './issue-text.ts';
import { validatorOf } from './schema.ts';

/** The stage that checks answers, or nothing where nobody wants to know, or there is nothing to know. */
export function answerCheck({
  responses,
  validateResponses = defaultMode(),
}: RouteDescription): Stages | undefined {
  if (validateResponses === 'off' || responses === undefined) return undefined;
  const validators = new Map(
    Object.entries(responses as Record<string, RouteAnswer>).map(([status, answer]) => {
      const { body } = fullAnswer(answer);
      return [status, body === undefined ? undefined : validatorOf(body)] as const;
    }),
  );
  if (validators.size === 0) return undefined;

  const judge = (exchange: Exchange, { issues }: StandardSchemaV1.Result<unknown>): void => {
    if (issues !== undefined) throw answerProblem(exchange, issueText(issues));
  };

  const check = (value: unknown, exchange: Exchange): void => {
    const { statusCode } = exchange.res;
    const status = validators.has(String(statusCode)) ? String(statusCode) : 'default';
    if (!validators.has(status) && statusCode < 400) {
      throw answerProblem(exchange, 'no response describes this status');
    }
    const result = validators.get(status)?.['~standard'].validate(asJson(value));
    if (result instanceof Promise) {
      // It cannot be waited for: the answer leaves now.
      result
        .then((late) => judge(exchange, late))
        .catch((error: unknown) => report(error, 'openapi answer', exchange));
    } else if (result !== undefined) {
      judge(exchange, result);
    }
  };

  return defineStages({
    transform(value, exchange, kind) {
      // Problems have a form of their own, and lines are parts of an answer.
      if (kind !== 'whole') return value;
      try {
        check(value, exchange);
      } catch (error) {
        if (validateResponses === 'throw') throw error;
        report(error, 'openapi answer', exchange);
      }
      return value;
    },
  });
}

function defaultMode(): 'report' | 'off' {
  const { NODE_ENV } = process.env;
  return NODE_ENV === 'development' || NODE_ENV === 'test' ? 'report' : 'off';
}

function asJson(value: unknown): unknown {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}

function answerProblem({ req, res, route }: Exchange, what: string): ProblemError {
  return new ProblemError({
    code: 'ERR_RESPONSE_INVALID',
    status: 500,
    detail: `The answer ${res.statusCode} of ${req.method} ${route ?? req.path} is not as its route describes it: ${what}.`,
  });
}
