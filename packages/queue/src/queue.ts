/**
 * Admission: as many requests as the service can carry are worked on, some wait, and the
 * rest is told at once that waiting is no use. It stands behind the cache, whose hits need
 * no place, and ahead of everything that reads bodies: only real work waits, and what waits
 * has cost nothing yet.
 */
import {
  answerProblem,
  defineMiddleware,
  defineStages,
  type Exchange,
  exchangeOf,
  type Given,
  HANDLED,
  type HealthReport,
  Listeners,
  type Middleware,
  type ResponseHead,
  type StateKey,
  stateKey,
  type Stats,
} from '@org/core';
import type { Response } from 'express';

import { Admission } from './admission.ts';
import { Demands, type Policy } from './demands.ts';
import { QUEUE_CHANNEL } from './events.ts';
import { limitOf } from './limits.ts';
import { type Outcome, type QueueOptions, resolveQueueOptions } from './options.ts';
import { Refusals } from './refusals.ts';
import { Statistics } from './statistics.ts';
import { type Desk, Visit } from './visit.ts';
import type { Refusal } from './waiter.ts';

/** The queue: a middleware, and what handlers can do with their permit. */
export interface Queue extends Middleware {
  /**
   * Hands the permit of this response back before it ends: for streams and long polls, which
   * wait more than they work. Says whether there was one to hand back.
   */
  release(res: Response): boolean;
}

/** Makes a queue of its own. @throws OptionError for unknown or wrong options */
export function queue(options?: Given<QueueOptions>): Queue {
  const settings = resolveQueueOptions(options);
  const { clock, classes, shadow, throwRefusals, releaseStreams, outcome = outcomeOf } = settings;
  const demands = new Demands(settings);
  const refusals = new Refusals(settings);
  const listeners = new Listeners(QUEUE_CHANNEL, settings.onEvent, 'queue onEvent');
  const statistics = new Statistics(classes.length);
  const visits: StateKey<Visit> = stateKey<Visit>('queue visit');
  let closed = false;

  const admission = new Admission({
    ...settings,
    limit: limitOf(settings),
    onOverload(overloaded) {
      if (listeners.listening) listeners.tell({ type: 'overload', overloaded });
    },
  });

  const desk: Desk = {
    onAdmitted({ exchange }, waitedMs) {
      statistics.admittedTotal++;
      statistics.waits.note(waitedMs, clock.monotonicMs());
      if (listeners.listening) listeners.tell({ type: 'admitted', waitedMs, exchange });
    },
    onRefused({ exchange, rank }, reason, waitedMs) {
      return refuse(exchange, reason, rank, waitedMs);
    },
  };

  const stages = defineStages({
    head(head, exchange) {
      // Answers that wait for others of their pipelined connection end when those do, which may be
      // never: the others may wait for the permits of these.
      if (exchange.res.socket === null) end(exchange.getState(visits), exchange);
      else if (releaseStreams && isEventStream(head)) release(exchange);
    },
    done(exchange) {
      const visit = exchange.getState(visits);
      if (visit?.waiter !== undefined) abandon(visit);
      else end(visit, exchange);
    },
  });

  /** The work is done: its permit is taken back, if it has one still. */
  function end(visit: Visit | undefined, exchange: Exchange): void {
    if (visit?.permit?.ended === false) visit.permit[outcome(exchange)]();
  }

  function step(exchange: Exchange): ReturnType<NonNullable<Middleware['step']>> {
    if (closed) return undefined;
    const policy = demands.policyFor(exchange);
    if (policy === false) {
      statistics.exemptTotal++;
      return undefined;
    }
    const rank = demands.rankOf(exchange.req, policy);
    const cost = demands.costOf(exchange, policy);
    const permit = shadow ? undefined : admission.tryNow(cost, rank, policy.maxWaitMs);
    if (permit === undefined && !shadow) return wait(exchange, policy, cost, rank);
    if (permit === undefined) look(exchange, policy, cost, rank);
    const visit = new Visit(desk, exchange, rank);
    visit.permit = permit ?? admission.limiter.take(cost);
    statistics.admittedTotal++;
    exchange.setState(visits, visit);
    exchange.tap(stages);
    return undefined;
  }

  function wait(
    exchange: Exchange,
    policy: Policy,
    cost: number,
    rank: number,
  ): Promise<void | typeof HANDLED> | typeof HANDLED {
    const visit = new Visit(desk, exchange, rank);
    const place = admission.wait(visit, {
      cost,
      rank,
      account: demands.accountOf(exchange),
      maxWaitMs: policy.maxWaitMs,
      deadlineMs: demands.deadlineMsOf(exchange),
    });
    if (typeof place === 'string') return refuse(exchange, place, rank, 0);
    statistics.queuedTotal++;
    exchange.setState(visits, visit);
    exchange.tap(stages);
    if (listeners.listening) {
      listeners.tell({ type: 'queued', className: classes[rank]!, exchange });
    }
    return visit.wait(place);
  }

  /** Says no, and counts it. @throws ProblemError where others are to answer */
  function refuse(
    exchange: Exchange,
    reason: Refusal,
    rank: number,
    waitedMs: number,
  ): typeof HANDLED {
    statistics.refused(reason, rank, false);
    if (listeners.listening) {
      listeners.tell({ type: 'refused', reason, waitedMs, shadow: false, exchange });
    }
    if (throwRefusals) throw refusals.fresh(reason);
    const error = refusals.shared(reason);
    // For those who observe: it never reaches an error handler.
    exchange.error = error;
    answerProblem(exchange.res, error);
    return HANDLED;
  }

  /** What would have been refused, in shadow. */
  function look(exchange: Exchange, policy: Policy, cost: number, rank: number): void {
    const deadlineMs = demands.deadlineMsOf(exchange);
    const { maxWaitMs } = policy;
    const verdict = admission.verdict({ cost, rank, account: undefined, maxWaitMs, deadlineMs });
    if (verdict === 'admitted') return;
    if (verdict === 'queued') {
      statistics.queuedTotal++;
      return;
    }
    statistics.refused(verdict, rank, true);
    if (listeners.listening) {
      listeners.tell({ type: 'refused', reason: verdict, waitedMs: 0, shadow: true, exchange });
    }
  }

  function abandon(visit: Visit): void {
    admission.leave(visit.waiter!);
    visit.abandoned();
    statistics.abandonedTotal++;
    if (listeners.listening) listeners.tell({ type: 'abandoned', exchange: visit.exchange });
  }

  function release(exchange: Exchange): boolean {
    const released = exchange.getState(visits)?.permit?.ignore() === true;
    if (released) statistics.releasedTotal++;
    return released;
  }

  const middleware = defineMiddleware({
    name: 'queue',
    phase: 'admit',
    reason: 'only real work waits, and a body is not read while its request does',
    step,
    health: (): HealthReport =>
      admission.overloaded
        ? { status: 'warn', detail: `overloaded: ${admission.line.size} requests wait` }
        : { status: 'pass' },
    stats: (): Stats => statistics.snapshot(admission, clock.monotonicMs()),
    close() {
      if (closed) return;
      closed = true;
      admission.close();
    },
  });

  return Object.assign(middleware, {
    release: (res: Response): boolean => release(exchangeOf(res.req, res)),
  });
}

/** Server-sent events, by their media type. */
function isEventStream(head: ResponseHead): boolean {
  const type = head.get('content-type');
  return typeof type === 'string' && /^text\/event-stream\b/i.test(type);
}

/** How an answer counts, by what it says of the load. */
function outcomeOf({ aborted, res: { statusCode } }: Exchange): Outcome {
  // Turned away or given up behind us, whether or not anybody still waits for the answer.
  if (statusCode === 503 || statusCode === 504) return 'dropped';
  // What is refused or fails is often quick, and would make the limit believe that all is.
  return aborted || statusCode >= 400 ? 'ignore' : 'success';
}
