/**
 * Names every request, and carries the name through async code and outgoing calls.
 * It stands first among those who give context: whatever runs below it can say which
 * request, and which trace, it works for.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { NextFunction, Request, Response } from 'express';
import {
  defineMiddleware,
  defineStages,
  type Exchange,
  exchangeOf,
  type Given,
  type Middleware,
  stateKey,
  type Stats,
  type TraceContext,
} from '@org/core';

import { Baggage } from './baggage.ts';
import { type Carrier, fieldsOf } from './carrier.ts';
import type { Correlated, Extracted, Linked } from './correlated.ts';
import { loadTelemetry, type Telemetry } from './open-telemetry.ts';
import { type CorrelationOptions, correlationOptions } from './options.ts';
import {
  correlatedFetch,
  correlatedInterceptor,
  destinations,
  type Interceptor,
} from './outgoing.ts';
import { extractTrace, injectTrace, marksOf } from './propagation.ts';
import { RandomIds } from './random-ids.ts';
import { idCheck, idMaker } from './request-id.ts';
import { beginTrace, continueTrace, sampler } from './trace.ts';
import { trustDecision, type TrustPolicy } from './trust.ts';

/** The middleware, and what others ask of it. */
export interface Correlation extends Middleware {
  /** The exchange that the running code works for; needs `context: true`. */
  currentExchange(): Exchange | undefined;
  /** The same, or the job that `run` was given. */
  current(): Correlated | undefined;
  /** Runs `task` in the context of a job or an exchange. @throws Error without `context: true` */
  run<T>(correlated: Correlated, task: () => T): T;
  /** Writes id, trace and baggage of `from`, or of the current context, into a carrier, and answers it. */
  inject<C extends Carrier>(carrier: C, from?: Correlated): C;
  /** Reads a carrier; what is not there, or not to be trusted, begins anew. @default "continue" */
  extract(carrier: Carrier, policy?: TrustPolicy): Extracted;
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
  const formats = [...settings.extract];
  const marks = marksOf(formats);
  const limits = {
    keys: [...settings.baggage],
    maxMembers: settings.baggageMaxMembers,
    maxBytes: settings.baggageMaxBytes,
  };
  const accepts = idCheck(settings.maxLength);
  const makeId = idMaker(settings.ids, accepts);
  const ids = new RandomIds(settings.fillRandom);
  const samples = sampler(settings.sampleRatio);
  const decide = trustDecision(settings.trust);
  const storage = settings.context ? new AsyncLocalStorage<Correlated>() : undefined;
  const linkedKey = stateKey<Linked>('correlation linked');
  const baggageKey = stateKey<Baggage>('correlation baggage');
  let telemetry: Telemetry | undefined;
  const counts = {
    idsAcceptedTotal: 0,
    idsReplacedTotal: 0,
    tracesContinuedTotal: 0,
    tracesBegunTotal: 0,
    tracesRefusedTotal: 0,
  };

  /** Names the exchange and finds its place. Most requests bring nothing, and cost three ids. */
  const enter = (exchange: Exchange): void => {
    const { headers } = exchange.req;
    const givenId = headers[header] as string | undefined;
    const traced = settings.trace && marks.some((name) => headers[name] !== undefined);
    const carries = limits.keys.length > 0 && headers.baggage !== undefined;
    const policy = givenId !== undefined || traced || carries ? decide(exchange) : 'restart';
    if (givenId !== undefined && policy === 'continue' && accepts(givenId)) {
      counts.idsAcceptedTotal++;
      exchange.id = givenId;
    } else {
      if (givenId !== undefined) counts.idsReplacedTotal++;
      // A UUID is what the exchange makes for itself, once somebody reads it.
      if (settings.ids !== 'uuid' || givenId !== undefined) exchange.id = makeId(exchange);
    }
    const get = (name: string): string | undefined => headers[name] as string | undefined;
    if (settings.trace) {
      exchange.trace = telemetry?.active() ?? place(traced ? get : undefined, policy);
    }
    if (policy === 'link') link(exchange, givenId, get);
    if (carries && policy === 'continue') {
      readBaggage(exchange, headers.baggage as string);
    }
  };

  const place = (
    get: ((name: string) => string | undefined) | undefined,
    policy: TrustPolicy,
  ): TraceContext => {
    const remote = get === undefined ? undefined : extractTrace(get, formats);
    if (get !== undefined && remote === undefined) counts.tracesRefusedTotal++;
    if (remote === undefined || remote.traceId === undefined || policy !== 'continue') {
      counts.tracesBegunTotal++;
      return beginTrace(ids, samples, policy === 'continue' ? remote?.sampled : undefined);
    }
    counts.tracesContinuedTotal++;
    return continueTrace(ids, samples, remote);
  };

  const link = (
    exchange: Exchange,
    givenId: string | undefined,
    get: (name: string) => string | undefined,
  ): void => {
    const remote = settings.trace ? extractTrace(get, formats) : undefined;
    exchange.setState(linkedKey, {
      id: givenId !== undefined && accepts(givenId) ? givenId : undefined,
      trace: remote?.traceId === undefined ? undefined : remote,
    });
  };

  const readBaggage = (exchange: Exchange, field: string): void => {
    const baggage = new Baggage(limits);
    baggage.read(field);
    exchange.setState(baggageKey, baggage);
  };

  const baggageOf = (from: Correlated): Baggage | undefined =>
    isExchange(from) ? from.getState(baggageKey) : (from as Partial<Extracted>).baggage;

  const inject = <C extends Carrier>(carrier: C, from?: Correlated): C => {
    const source = from ?? storage?.getStore();
    if (source === undefined) return carrier;
    const fields = fieldsOf(carrier);
    const setIfAbsent = (name: string, value: string): void => {
      if (fields.get(name) === undefined) fields.set(name, value);
    };
    setIfAbsent(header, source.id);
    // A trace that the caller has set is whole: nothing of another one may stand beside it.
    const preset = marksOf(settings.inject).some((name) => fields.get(name) !== undefined);
    if (source.trace !== undefined && !preset) {
      const active = telemetry?.active();
      // A tracer's span is the parent of the call; without one, the call gets a span id of its own.
      const outgoing =
        active?.traceId === source.trace.traceId
          ? { trace: active, spanId: active.spanId }
          : { trace: source.trace, spanId: ids.spanId() };
      injectTrace(fields.set, outgoing, settings.inject, settings.tracestateKey);
    }
    const baggage = baggageOf(source);
    if (baggage !== undefined && baggage.size > 0) setIfAbsent('baggage', baggage.toString());
    return carrier;
  };

  const extract = (carrier: Carrier, policy: TrustPolicy = 'continue'): Extracted => {
    const { get } = fieldsOf(carrier);
    const givenId = get(header);
    const traced = marks.some((name) => get(name) !== undefined);
    const baggage = new Baggage(limits);
    const field = get('baggage');
    if (policy === 'continue' && field !== undefined) baggage.read(field);
    return {
      id: policy === 'continue' && givenId !== undefined && accepts(givenId) ? givenId : makeId(),
      trace: settings.trace ? place(traced ? get : undefined, policy) : undefined,
      baggage,
    };
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
    enter(exchange);
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
    stats: (): Stats => ({ ...counts }),
  });
  return Object.assign(made, {
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
    extract,
    linked: (exchange: Exchange) => exchange.getState(linkedKey),
    baggage: (exchange: Exchange) => {
      let baggage = exchange.getState(baggageKey);
      if (baggage === undefined) {
        baggage = new Baggage(limits);
        exchange.setState(baggageKey, baggage);
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
