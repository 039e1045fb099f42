/**
 * The compiled pipeline: middlewares in their order as one function. Steps run in a
 * plain loop, without a router layer, a `next` or a promise; plain handlers get a
 * `next` that behaves as Express' own does.
 */
import { type Exchange, HANDLED, type Middleware, Timeline } from '@org/core';
import type { Request, RequestHandler } from 'express';

import type { MiddlewareTraffic } from './traffic.ts';

/** Decides whether a middleware takes part in a request. */
export type Applies = (exchange: Exchange) => boolean;

/** Runs a request through; `done` is called when nobody answered, with the error if there was one. */
export type Pipeline = (exchange: Exchange, done: Next) => void;

/** Goes on, or leaves with an error. */
type Next = (error?: unknown) => void;

/** One middleware, as compiled. */
interface Entry {
  readonly step: Middleware['step'];
  readonly handle: RequestHandler;
  readonly applies: Applies | undefined;
  readonly traffic: MiddlewareTraffic;
}

/** What a pipeline is told of the stack that it is compiled for. */
export interface Surroundings {
  /** The requests that a middleware sees; all where there is none. */
  appliesTo(name: string): Applies | undefined;
  /** Where the work of a middleware is counted. */
  trafficOf(middleware: Middleware): MiddlewareTraffic;
  /** Whether somebody wants to know where the time of this request goes. */
  wantsTimeline(exchange: Exchange): boolean;
}

/** Compiles middlewares, in the order in which they stand. */
export function compile(middlewares: readonly Middleware[], surroundings: Surroundings): Pipeline {
  const entries: readonly Entry[] = middlewares.map((middleware) => ({
    step: middleware.step,
    handle: middleware as unknown as RequestHandler,
    applies: surroundings.appliesTo(middleware.name),
    traffic: surroundings.trafficOf(middleware),
  }));
  const names = middlewares.map(({ name }) => name);
  return (exchange, done) => {
    if (surroundings.wantsTimeline(exchange)) {
      exchange.timeline = new Timeline(names, exchange.clock.monotonicMs());
    }
    run(entries, exchange, done);
  };
}

function run(entries: readonly Entry[], exchange: Exchange, done: Next): void {
  // One position for the whole request, as in a router: calling next twice does not run anybody twice.
  let at = 0;
  const { req, res, timeline } = exchange;
  // Express' own res.sendFile and res.render go on by req.next.
  const outer = req.next;
  req.next = next;

  /** The middleware at work is done with the request. */
  function left(): void {
    timeline!.leave(at - 1, exchange.clock.monotonicMs());
  }

  function next(error?: unknown): void {
    if (timeline !== undefined && at > 0) left();
    // The word 'route' ends a route, and there is none here; 'router' leaves for good, as an error does.
    if (error && error !== 'route') {
      if (at > 0) entries[at - 1]!.traffic.failed(error);
      leave(req, outer, done, error);
      return;
    }
    // It was answered while somebody here waited: nothing of the rest is worth doing.
    if (exchange.abandoned) return;
    while (at < entries.length) {
      const { step, handle, applies, traffic } = entries[at++]!;
      try {
        if (applies !== undefined && !applies(exchange)) continue;
        traffic.callsTotal++;
        if (step === undefined) {
          const late: unknown = handle(req, res, next);
          if (late instanceof Promise) void settle(late, false, next);
          return;
        }
        const result = step(exchange);
        if (timeline !== undefined && (result === undefined || result === HANDLED)) left();
        if (result === undefined) continue;
        if (result !== HANDLED) void settle(result, true, next);
      } catch (thrown) {
        next(thrown);
      }
      return;
    }
    if (timeline !== undefined) timeline.routedMs = exchange.clock.monotonicMs();
    leave(req, outer, done);
  }

  next();
}

function leave(req: Request, outer: Request['next'], done: Next, error?: unknown): void {
  if (outer !== undefined) req.next = outer;
  done(error);
}

/** A step's promise says whether to go on; a handler's only whether it failed. */
async function settle(late: Promise<unknown>, goesOn: boolean, next: Next): Promise<void> {
  let result;
  try {
    result = await late;
  } catch (reason) {
    next(reason || new Error('Rejected promise'));
    return;
  }
  if (goesOn && result !== HANDLED) next();
}
