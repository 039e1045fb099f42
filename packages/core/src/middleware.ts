/**
 * A middleware is a component that is also a plain Express `RequestHandler`.
 * Most are written as a *step*: a function of the exchange that needs no `next`
 * and, mostly, no promise, so that `setup` can run many of them in one loop. The
 * same step is wrapped as a handler for `app.use`.
 */
import type { NextFunction, Request, RequestHandler, Response } from 'express';

import { COMPONENT, type Component, type Lifecycle } from './component.ts';
import { type Exchange, exchangeOf } from './exchange.ts';
import { DEFAULT_PRIORITY, type Phase } from './phases.ts';

/** What a step returns when it has answered, or will: the request goes no further. */
export const HANDLED = 'handled' as const;

/** Nothing: on to the next. `HANDLED`: answered. A throw or a rejection goes to the error handlers. */
export type StepResult = void | typeof HANDLED | Promise<void | typeof HANDLED>;

/** One middleware's work on one request, without `next`. */
export type Step = (exchange: Exchange) => StepResult;

/** Where a middleware stands, and what it asks of its neighbours. */
export interface Placement {
  readonly phase: Phase;
  /** Whole number; lower runs first within the phase. @default 50 */
  readonly priority?: number;
  /** Names of middlewares that must run after this one, if they are present. */
  readonly before?: readonly string[];
  /** Names of middlewares that must run before this one, if they are present. */
  readonly after?: readonly string[];
  /** Names of components without which this one cannot work. */
  readonly requires?: readonly string[];
  /** Why it stands here, in one line, for `explain()`; the phase's own reason when absent. */
  readonly reason?: string;
  /** Costs much and is for development or diagnosis: `ENABLE_HEAVY_MIDDLEWARE` gates it. @default false */
  readonly heavy?: boolean;
  /** Refuses what is dangerous: when it cannot be loaded, requests are refused, never let through. @default false */
  readonly protects?: boolean;
}

/** A component that is a three-argument Express handler with a place in the order. */
export interface Middleware extends Component, Placement {
  (req: Request, res: Response, next: NextFunction): void;
  readonly priority: number;
  /** The work without `next`; `setup` runs this instead of the handler. */
  readonly step?: Step;
}

/** What a package states to get a middleware: a name, a place, and `step` or `handle`. */
export type MiddlewareDefinition = Placement &
  Lifecycle & { readonly name: string } & (
    | { readonly step: Step; readonly handle?: never }
    | { readonly handle: RequestHandler; readonly step?: never }
  );

/**
 * Makes a middleware. The handler carries the definition's name, so that Express'
 * layer list and stack traces read well, and the parts of its life as properties.
 */
export function defineMiddleware(definition: MiddlewareDefinition): Middleware {
  const { name, step, handle, ...rest } = definition;
  const handler = step === undefined ? wrapHandler(handle) : wrapStep(step);
  Object.defineProperty(handler, 'name', { value: name, configurable: true });
  return Object.assign(handler, {
    [COMPONENT]: 1 as const,
    priority: DEFAULT_PRIORITY,
    ...withoutUndefined(rest),
    ...(step === undefined ? {} : { step }),
  }) as Middleware;
}

/** Whether `value` is a component that can be put into a chain of handlers. */
export function isMiddleware(value: unknown): value is Middleware {
  return (
    typeof value === 'function' &&
    (value as Partial<Middleware>)[COMPONENT] === 1 &&
    typeof (value as Partial<Middleware>).phase === 'string'
  );
}

function wrapStep(step: Step): RequestHandler {
  return function (req, res, next) {
    const exchange = exchangeOf(req, res);
    const result = step(exchange);
    if (result === undefined) {
      next();
    } else if (result !== HANDLED) {
      // A thrown next() belongs to what follows, not to this step: hence two arguments to then().
      result.then((late) => (late === HANDLED || exchange.abandoned ? undefined : next()), next);
    }
  };
}

/** A handler of its own, so that naming and marking never changes the caller's function. */
function wrapHandler(handle: RequestHandler): RequestHandler {
  return function (req, res, next) {
    return handle(req, res, next);
  };
}

function withoutUndefined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined),
  ) as Partial<T>;
}
