/**
 * Names every request, and carries the name through async code and outgoing calls.
 * It stands first among those who give context: whatever runs below it can say which
 * request, and which trace, it works for.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { NextFunction, Request, Response } from 'express';
import {
  type Correlated,
  defineMiddleware,
  defineStages,
  type Exchange,
  exchangeOf,
  type Given,
  type Middleware,
  type Propagator,
  type Stats,
} from '@org/core';

import { Baggage } from './baggage.ts';
import { type Carrier, fieldsOf } from './carrier.ts';
import type { Extracted, Linked } from './correlated.ts';
import { Incoming } from './incoming.ts';
import { loadTelemetry, type Telemetry } from './open-telemetry.ts';
import { type CorrelationOptions, correlationOptions } from './options.ts';
import {
  correlatedFetch,
  correlatedInterceptor,
  destinations,
  type Interceptor,
} from './outgoing.ts';
import { injectTrace, marksOf } from './propagation.ts';
import { RandomIds } from './random-ids.ts';
import type { TrustPolicy } from './trust.ts';

/** The middleware, and what others ask of it. */
export interface Correlation extends Middleware, Propagator {
  /** The exchange that the running code works for; needs `context: true`. */
  currentExchange(): Exchange | undefined;
  /** The same, or the job that `run` was given. */
  current(): Correlated | undefined;
  /** Runs `task` in the context of a job or an exchange. @throws Error without `context: true` */
  run<T>(correlated: Correlated, task: () => T): T;
  /** Writes id, trace and baggage of `from`, or of the current context, into a carrier, and answers it. */
  inject<C extends Carrier>(carrier: C, from?: Correlated): C;
  /** Reads a carrier; what is not there, or not to be trusted, begins anew: a job from before there were carriers, too. @default "continue" */
  extract(carrier: Carrier | undefined, policy?: TrustPolicy): Extracted;
  /** The caller's ids that were not taken over, under the policy `link`. */
  linked(exchange: Exchange): Linked | undefined;
  /** The baggage of an exchange. */
  baggage(exchange: Exchange): Baggage;
  /** `fetch` with the correlation of the current context; needs `context: true` to know it. */
  readonly fetch: typeof fetch;
  /** `fetch` with the correlation of an exchange or a job. */
  fetchFor(from: Correlated): typeof fetch;
  /** For `dispatcher.compose()` of undici, with the correlation of the current context. */
  readonly interceptor: Interceptor;
  /** For `dispatcher.compose()` of undici, with the correlation of an exchange or a job. */
  interceptorFor(from: Correlated): Interceptor;
}

/**
 * Makes the correlation of an app.
 * @throws OptionError for unknown or wrong options
 */
export function correlation(options?: Given<CorrelationOptions>): Correlation {
  const settings = correlationOptions(options);
  const header = settings.header.toLowerCase();
  const ids = new RandomIds(settings.fillRandom);
  const incoming = new Incoming(settings, ids);
  const written = [...settings.inject];
  const writtenMarks = marksOf(written);
  const storage = settings.context ? new AsyncLocalStorage<Correlated>() : undefined;
  let telemetry: Telemetry | undefined;

  const baggageOf = (from: Correlated): Baggage | undefined =>
    isExchange(from) ? from.getState(incoming.baggageKey) : (from as Partial<Extracted>).baggage;

  const inject = <C extends Carrier>(carrier: C, from?: Correlated): C => {
    const source = from ?? storage?.getStore();
    if (source === undefined) return carrier;
    const fields = fieldsOf(carrier);
    const setIfAbsent = (name: string, value: string): void => {
      if (fields.get(name) === undefined) fields.set(name, value);
    };
    setIfAbsent(header, source.id);
    // A trace that the caller has set is whole: nothing of another one may stand beside it.
    const preset = writtenMarks.some((name) => fields.get(name) !== undefined);
    if (source.trace !== undefined && !preset) {
      const active = telemetry?.active();
      // A tracer's span is the parent of the call; without one, the call gets a span id of its own.
      const outgoing =
        active?.traceId === source.trace.traceId
          ? { trace: active, spanId: active.spanId }
          : { trace: source.trace, spanId: ids.spanId() };
      injectTrace(fields.set, outgoing, written, settings.tracestateKey);
    }
    const baggage = baggageOf(source);
    if (baggage !== undefined && baggage.size > 0) setIfAbsent('baggage', baggage.toString());
    return carrier;
  };

  /** Runs the rest of the chain where the storage and the tracer know the exchange. */
  const carry = (exchange: Exchange, next: () => void): void => {
    const inContext = storage === undefined ? next : () => storage.run(exchange, next);
    if (telemetry === undefined || exchange.trace === undefined) inContext();
    else if (telemetry.active()?.spanId === exchange.trace.spanId) inContext();
    else telemetry.run(exchange.trace, inContext);
  };

  const stages = defineStages({
    head: (head, exchange) => head.set(settings.header, exchange.id),
  });
  const work = (exchange: Exchange): void => {
    incoming.enter(exchange, telemetry?.active());
    if (settings.respond) exchange.tap(stages);
  };
  const allows = destinations(settings.propagateTo);

  const made = defineMiddleware({
    name: 'correlation',
    phase: 'context',
    priority: 0,
    reason: 'everything below can name the request and its trace',
    // A context must be left again: that takes a function to run in it, which a step does not have.
    ...(settings.context || settings.openTelemetry
      ? {
          handle: (req: Request, res: Response, next: NextFunction) => {
            const exchange = exchangeOf(req, res);
            work(exchange);
            carry(exchange, next);
          },
        }
      : { step: work }),
    start: async () => {
      if (settings.openTelemetry) telemetry ??= await loadTelemetry();
    },
    stats: (): Stats => ({ ...incoming.counts }),
  });
  return Object.assign(made, {
    carries: storage !== undefined,
    currentExchange: () => {
      const current = storage?.getStore();
      return isExchange(current) ? current : undefined;
    },
    current: () => storage?.getStore(),
    run: <T>(correlated: Correlated, task: () => T): T => {
      if (storage === undefined) {
        throw new Error('correlation: run() needs the option "context"; set it to true.');
      }
      return storage.run(correlated, task);
    },
    inject,
    extract: (carrier: Carrier | undefined, policy: TrustPolicy = 'continue') =>
      incoming.extract(carrier ?? {}, policy),
    linked: (exchange: Exchange) => exchange.getState(incoming.linkedKey),
    baggage: (exchange: Exchange) => {
      let baggage = exchange.getState(incoming.baggageKey);
      if (baggage === undefined) {
        baggage = new Baggage(incoming.limits);
        exchange.setState(incoming.baggageKey, baggage);
      }
      return baggage;
    },
    fetch: correlatedFetch(inject, allows),
    fetchFor: (from: Correlated) => correlatedFetch(inject, allows, from),
    interceptor: correlatedInterceptor(inject, allows),
    interceptorFor: (from: Correlated) => correlatedInterceptor(inject, allows, from),
  });
}

/** By what it can do: the exchange may come from another copy of core. */
function isExchange(value: Correlated | undefined): value is Exchange {
  return typeof (value as Partial<Exchange> | undefined)?.getState === 'function';
}
