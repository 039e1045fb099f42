/**
 * One answer for every error: an RFC 9457 problem document, in the form the client
 * asks for, with nothing in it that is not the client's to see, under an id that
 * stands in the log too. It recovers for everybody, so it stands last; in the chain
 * itself it only passes requests on, and its two handlers stand behind the routes.
 */
import { channel } from 'node:diagnostics_channel';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import {
  boolean,
  callHook,
  type Checks,
  defineMiddleware,
  type Exchange,
  exchangeOf,
  func,
  type Given,
  listOf,
  type Middleware,
  oneOf,
  type ProblemError,
  recordOf,
  type Recoverer,
  report,
  resolveOptions,
  type Stats,
} from '@org/core';

import { type Outcome, outcomeOf, send } from './answer.ts';
import { documentOf } from './document.ts';
import { type ErrorMapper, problemMapper } from './mapper.ts';
import { renderer, type Renderer } from './media.ts';
import { notFoundHandler } from './not-found.ts';
import { internalError } from './problem.ts';
import { RecentErrors } from './recent.ts';
import { asError, type ErrorLike } from './thrown.ts';

/** How errors are answered. */
export interface ErrorsOptions {
  /**
   * Show the detail of every error, also of unexpected ones. Without it, 5xx details
   * are masked unless the error itself says `expose: true`.
   * @default true where NODE_ENV is "development" or "test", otherwise false
   */
  readonly expose: boolean | undefined;
  /** Add the stack, and those of the causes; without `expose` it does nothing. @default false */
  readonly stack: boolean;
  /** Turn errors of your own into problems; asked in order, before the built-in ones. @default [] */
  readonly mappers: readonly ErrorMapper[];
  /** Write documents in further media types, or in place of the built-in ones, by media type. @default {} */
  readonly renderers: Readonly<Record<string, Renderer>>;
  /** Status of validation errors of zod and ajv. @default 400 */
  readonly validationStatus: 400 | 422;
  /** Answer 405 with Allow where an address exists by other methods; otherwise 404. @default true */
  readonly methodNotAllowed: boolean;
  /** Called once for every error, for the log. What it throws is reported, and changes nothing. @default none */
  readonly onError: ErrorListener | undefined;
}

/** Hears of every error: the error, its exchange, and the problem that it was answered as. */
export type ErrorListener = (
  error: unknown,
  exchange: Exchange,
  problem: ProblemError,
) => void | Promise<void>;

export const ERRORS_DEFAULTS: Readonly<ErrorsOptions> = Object.freeze<ErrorsOptions>({
  expose: undefined,
  stack: false,
  mappers: Object.freeze([]),
  renderers: Object.freeze({}),
  validationStatus: 400,
  methodNotAllowed: true,
  onError: undefined,
});

const CHECKS: Checks<ErrorsOptions> = {
  expose: boolean(),
  stack: boolean(),
  mappers: listOf(func<ErrorMapper>()),
  renderers: recordOf(func<Renderer>()),
  validationStatus: oneOf(400, 422),
  methodNotAllowed: boolean(),
  onError: func<ErrorListener>(),
};

/** Name of the diagnostics channel; messages are `ErrorMessage`s. */
export const ERRORS_CHANNEL = '@org/errors';

/** What subscribers of the channel get for every error. */
export interface ErrorMessage {
  readonly error: unknown;
  readonly problem: ProblemError;
  readonly exchange: Exchange;
  readonly outcome: Outcome;
}

/** The middleware, and the two handlers that stand behind the routes. */
export interface Errors extends Middleware, Recoverer {
  /** Passes on a 404, or a 405 with Allow, for what no route answered. */
  readonly notFound: RequestHandler;
  /** Answers every error. Takes four arguments, as Express wants. */
  readonly handler: ErrorRequestHandler;
}

/**
 * Makes the error answers of an app. Mount `notFound`, then `handler`, after the
 * routes; `setup` does that for a component of the phase `recover`.
 * @throws OptionError for unknown or wrong options
 */
export function errors(options?: Given<ErrorsOptions>): Errors {
  const resolved = resolveOptions('errors', ERRORS_DEFAULTS, CHECKS, options);
  const { stack, mappers, renderers, validationStatus, methodNotAllowed, onError } = resolved;
  const disclosure = { expose: resolved.expose ?? isDevelopment(), stack };
  const toProblem = problemMapper([...mappers], validationStatus);
  const render = renderer(renderers);
  const published = channel(ERRORS_CHANNEL);
  const counts: Record<Outcome | 'clientErrors' | 'serverErrors', number> = {
    answered: 0,
    cut: 0,
    late: 0,
    gone: 0,
    clientErrors: 0,
    serverErrors: 0,
  };

  const recent = new RecentErrors();

  const tell = (message: ErrorMessage): void => {
    if (published.hasSubscribers) published.publish(message);
    const { error, exchange, problem } = message;
    callHook(() => onError?.(error, exchange, problem), 'errors onError', exchange);
  };

  const answer = (thrown: unknown, exchange: Exchange): void => {
    const error = asError(thrown);
    // The first error is the cause; what follows from it must not hide it.
    exchange.error ??= error;
    const problem = toProblem(thrown, error, exchange);
    const outcome = outcomeOf(exchange);
    counts[outcome]++;
    counts[problem.status < 500 ? 'clientErrors' : 'serverErrors']++;
    if (outcome === 'cut') {
      exchange.res.destroy();
    } else if (outcome === 'answered' || (outcome === 'gone' && !exchange.res.headersSent)) {
      // Where the client has gone nobody reads it; logs, metrics and whoever keeps answers do.
      reply(problem, error, exchange);
    }
    if (problem.status >= 500) recent.add(problem, exchange);
    tell({ error, problem, exchange, outcome });
  };

  const reply = (problem: ProblemError, error: ErrorLike, exchange: Exchange): void => {
    try {
      const rendered = render(documentOf(problem, error, exchange, disclosure), exchange);
      send(exchange, problem.status, problem.headers, rendered);
    } catch (fault) {
      report(fault, 'errors', exchange);
      lastResort(exchange);
    }
  };

  /** Even this answer failed: a bare one, or none, but never a request that hangs. */
  const lastResort = (exchange: Exchange): void => {
    try {
      const bare = internalError(undefined);
      const rendered = render(
        documentOf(bare, {}, exchange, { expose: false, stack: false }),
        exchange,
      );
      send(exchange, bare.status, {}, rendered);
    } catch {
      exchange.res.destroy();
    }
  };

  const made = defineMiddleware({
    name: 'errors',
    phase: 'recover',
    reason: 'its handlers stand behind the routes and answer for everybody',
    step: () => undefined,
    stats: (): Stats => ({
      answeredTotal: counts.answered,
      cutTotal: counts.cut,
      lateTotal: counts.late,
      clientGoneTotal: counts.gone,
      clientErrorsTotal: counts.clientErrors,
      serverErrorsTotal: counts.serverErrors,
      recent: recent.all,
    }),
  });
  return Object.assign(made, {
    notFound: notFoundHandler(methodNotAllowed),
    handler: ((error, req, res, _next) =>
      answer(error, exchangeOf(req, res))) as ErrorRequestHandler,
  });
}

/** Masking is the default everywhere but where it is known to be in the way. */
function isDevelopment(): boolean {
  const { NODE_ENV } = process.env;
  return NODE_ENV === 'development' || NODE_ENV === 'test';
}
