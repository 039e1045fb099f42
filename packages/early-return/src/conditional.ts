/**
 * Conditions, evaluated before a handler has run (RFC 9110 §13). It stands behind what
 * protects, so that a 304 tells nobody of what he may not see, and ahead of the cache.
 */
import {
  defineMiddleware,
  etagsOf,
  type Exchange,
  type Given,
  HANDLED,
  httpDate,
  isNotModified,
  type Middleware,
  parseHttpDate,
  ProblemError,
  routeTable,
  type Stats,
  type StepResult,
  strongEqual,
} from '@org/core';

import { Counted, type OnEarlyAnswer } from './events.ts';
import { resolveEarlyReturnOptions } from './options.ts';
import { find, type Found, type Validators } from './validators.ts';

/** What the conditions can be told when they stand alone. */
export interface ConditionalOptions {
  /** How the version of a resource is found before its handler runs, by path pattern. @default {} */
  readonly validators: Validators;
  /** Told of every answer that was given here. @default nobody */
  readonly onAnswer: OnEarlyAnswer | undefined;
}

/** Makes the middleware. @throws OptionError for unknown or wrong options */
export function conditional(options?: Given<ConditionalOptions>): Middleware {
  const { validators, onAnswer } = resolveEarlyReturnOptions(options);
  return conditionalOf(validators, new Counted(onAnswer));
}

/** @internal */
export function conditionalOf(validators: Validators, counted: Counted): Middleware {
  const validatorOf = routeTable('earlyReturn', validators);
  const none = Object.keys(validators).length === 0;

  function step(exchange: Exchange): StepResult {
    if (none) return undefined;
    const validator = validatorOf(exchange.req.originalUrl);
    if (validator === undefined) return undefined;
    const found = find(validator, exchange.req);
    return found instanceof Promise
      ? found.then((late) => decide(exchange, late))
      : decide(exchange, found);
  }

  function decide(exchange: Exchange, found: Found): void | typeof HANDLED {
    const { req, res, clock } = exchange;
    const { etag, modifiedAt } = found;
    if (etag === undefined && modifiedAt === undefined) return undefined;
    const nowAt = clock.now();
    const reads = req.method === 'GET' || req.method === 'HEAD';
    if (failsPrecondition(exchange, found, nowAt)) throw preconditionFailed(exchange, counted);
    const { 'if-none-match': match, 'if-modified-since': since } = req.headers;
    if (!reads) {
      // §13.2.2: of a method that changes something, If-None-Match is a condition to go on.
      if (match === undefined || !isNotModified(match, undefined, etag, 0, nowAt)) return undefined;
      throw preconditionFailed(exchange, counted);
    }
    // Express makes a tag only where there is none: the answer and its 304 agree.
    if (etag !== undefined) res.setHeader('ETag', etag);
    if (modifiedAt !== undefined) res.setHeader('Last-Modified', httpDate(modifiedAt));
    if (modifiedAt === undefined && match === undefined) return undefined;
    if (!isNotModified(match, since, etag, modifiedAt ?? nowAt, nowAt)) return undefined;
    if (found.cacheControl !== undefined) res.setHeader('Cache-Control', found.cacheControl);
    counted.count('not-modified', 304, exchange);
    res.statusCode = 304;
    res.end();
    return HANDLED;
  }

  return defineMiddleware({
    name: 'early-return:conditional',
    phase: 'reuse',
    before: ['cache'],
    reason: 'behind what protects, and ahead of work that the client does not need',
    step,
    stats: (): Stats => ({
      notModifiedTotal: counted.totals['not-modified'] ?? 0,
      preconditionFailedTotal: counted.totals.precondition ?? 0,
    }),
  });
}

/** If-Match, else If-Unmodified-Since (RFC 9110 §13.1.1, §13.1.4, in the order of §13.2.2). */
function failsPrecondition({ req }: Exchange, { etag, modifiedAt }: Found, nowAt: number): boolean {
  const { 'if-match': match, 'if-unmodified-since': since } = req.headers;
  if (match !== undefined) {
    if (match.trim() === '*' || etag === undefined) return false;
    return !etagsOf(match).some((tag) => strongEqual(tag, etag));
  }
  if (since === undefined || modifiedAt === undefined) return false;
  const sinceAt = parseHttpDate(since, nowAt);
  return sinceAt !== undefined && Math.floor(modifiedAt / 1000) * 1000 > sinceAt;
}

function preconditionFailed(exchange: Exchange, counted: Counted): ProblemError {
  counted.count('precondition', 412, exchange);
  return new ProblemError({
    code: 'ERR_PRECONDITION_FAILED',
    status: 412,
    detail:
      'The resource is not in the state that the request asks for. Read it again, and decide anew.',
  });
}
