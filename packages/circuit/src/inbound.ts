/**
 * A breaker around routes of this service: while it is open, requests are refused before anything
 * is spent on them. It stands behind the cache, whose answers are good all the same, and behind
 * the queue, so that it counts what the route did, and neither waits nor refusals of the queue.
 */
import {
  addressOf,
  answerProblem,
  defineMiddleware,
  defineStages,
  type Exchange,
  HANDLED,
  type Middleware,
  stateKey,
} from '@org/core';

import type { Outcome } from './outcome.ts';
import { routeRefusals } from './refusals.ts';
import type { StateMachine } from './state-machine.ts';

/** What the middleware needs. */
export interface InboundParts {
  /** Name of the circuit. */
  readonly name: string;
  /** The breaker of an address; none for a route that is not guarded. */
  readonly machineOf: (address: string) => StateMachine | undefined;
  readonly isFailureStatus: (status: number) => boolean;
}

/** A request that was let in. */
interface Entered {
  readonly machine: StateMachine;
  readonly epoch: number;
  readonly beganMs: number;
  settled: boolean;
}

export function inboundOf({ name, machineOf, isFailureStatus }: InboundParts): Middleware {
  const refusal = routeRefusals();
  const key = stateKey<Entered>(`${name} inbound`);

  function settle(exchange: Exchange, outcome: Outcome): void {
    const entered = exchange.getState(key)!;
    if (entered.settled) return;
    entered.settled = true;
    entered.machine.settle(entered.epoch, outcome, entered.beganMs);
  }

  const stages = defineStages({
    // Not when all is sent: a client that reads slowly must not open the circuit for the others.
    head(head, exchange) {
      settle(exchange, isFailureStatus(head.status) ? 'failure' : 'success');
    },
    // Without a head nobody waited for it.
    done: (exchange) => settle(exchange, 'ignored'),
  });

  return defineMiddleware({
    name: `${name}:inbound`,
    phase: 'admit',
    priority: 60,
    after: ['queue'],
    reason:
      'a hit is good though its route fails, and waiting in the queue is not the route’s doing',
    step(exchange) {
      if (exchange.getState(key) !== undefined) return undefined;
      const machine = machineOf(addressOf(exchange.req));
      if (machine === undefined) return undefined;
      if (!machine.enter()) {
        const error = refusal(machine.retryAfterMs);
        // For those who observe: it never reaches an error handler.
        exchange.error = error;
        answerProblem(exchange.res, error);
        return HANDLED;
      }
      const { epoch } = machine;
      exchange.setState(key, { machine, epoch, beganMs: machine.begin(), settled: false });
      exchange.tap(stages);
      return undefined;
    },
  });
}
