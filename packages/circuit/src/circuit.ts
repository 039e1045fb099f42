/**
 * A circuit: breakers around what this service calls, one for itself, one for each host or name,
 * and, around its own routes, one for each. What fails is not called for a while, then a little,
 * then as much as its health allows. It is a component: its numbers, its health and its end are
 * those of all its breakers.
 */
import {
  type Component,
  defineComponent,
  type Given,
  type HealthReport,
  Listeners,
  type Middleware,
  routeTable,
  type Stats,
} from '@org/core';

import { type Breaker, NamedBreaker } from './breaker.ts';
import type { BreakerOptions } from './breaker-options.ts';
import { CIRCUIT_CHANNEL, circuitEvent } from './events.ts';
import { guardedFetch } from './fetch.ts';
import { Guard } from './guard.ts';
import { inboundOf } from './inbound.ts';
import { guardedDispatch, type Interceptor } from './interceptor.ts';
import { type CircuitOptions, resolveCircuitOptions, resolveRouteOptions } from './options.ts';
import { Pool } from './pool.ts';
import { SharedState } from './shared-state.ts';
import type { StateMachine, Transition } from './state-machine.ts';
import { healthOf, snapshot } from './statistics.ts';

/** The component, and the ways to use it; `run` and `wrap` are those of its own breaker. */
export interface Circuit extends Component, Pick<Breaker, 'kind' | 'run' | 'wrap'> {
  /** Its own breaker: its state, and ways to open, close and reset it by hand. */
  readonly breaker: Breaker;
  /** The breaker of a name: a service, a tenant, a queue. */
  for(name: string): Breaker;
  /** `fetch` with a breaker for each host. */
  readonly fetch: typeof globalThis.fetch;
  /** For `dispatcher.compose` of undici: a breaker for each origin. */
  readonly interceptor: Interceptor;
  /** The middleware that guards routes of this service. */
  readonly inbound: Middleware;
  start(): Promise<void>;
  health(): HealthReport;
  stats(): Stats;
  /** Ends the component: calls and requests go through from then on, and nothing is counted. */
  close(): Promise<void>;
}

/** Makes a circuit of its own. @throws OptionError for unknown or wrong options, or patterns of `routes` */
export function circuit(options?: Given<CircuitOptions>): Circuit {
  const settings = resolveCircuitOptions(options);
  const { name, store } = settings;
  const listeners = new Listeners(CIRCUIT_CHANNEL, settings.onEvent, 'circuit onEvent');
  /** Those that stay: the circuit's own, and those of the routes. */
  const kept = new Map<string, Guard>();
  let closed = false;

  const shared =
    store === undefined
      ? undefined
      : new SharedState({
          ...settings,
          store,
          find: (breaker) => (kept.get(breaker) ?? pool.find(breaker))?.machine,
        });

  function make(breaker: string, own: BreakerOptions): Guard {
    const guard = new Guard(breaker, settings, own, onTransition);
    if (closed) guard.machine.dispose();
    else shared?.adopt(guard.machine);
    return guard;
  }

  function onTransition({ machine }: Guard, transition: Transition): void {
    if (listeners.listening) {
      const { name: breaker, state, healthRatio } = machine;
      listeners.tell(circuitEvent({ circuit: name, breaker, state, healthRatio, ...transition }));
    }
    shared?.tell(machine, transition);
  }

  function keep(breaker: string, own: BreakerOptions): Guard {
    const guard = make(breaker, own);
    kept.set(breaker, guard);
    return guard;
  }

  const pool = new Pool(settings.maxBreakers, (breaker) => make(breaker, settings));
  const guardOf = (breaker: string): Guard => kept.get(breaker) ?? pool.get(breaker);
  const guards = (): Guard[] => [...kept.values(), ...pool.all()];

  const own = keep(name, settings);
  const breaker = new NamedBreaker(name, () => own);
  const { isFailureStatus } = settings;
  const machineOf = routeMachines();

  /** The breaker of a request's address. */
  function routeMachines(): (address: string) => StateMachine | undefined {
    const { routes } = settings;
    if (routes === undefined) return () => own.machine;
    return routeTable(
      'circuit',
      Object.fromEntries(
        Object.entries(routes).map(([pattern, given]) => {
          if (given === false) return [pattern, undefined];
          const guard = keep(pattern, resolveRouteOptions(pattern, settings, given));
          return [pattern, guard.machine];
        }),
      ),
    );
  }

  return Object.assign(
    defineComponent(name, {
      start: async (): Promise<void> => shared?.start(),
      health: () => healthOf(guards()),
      stats: () => snapshot(guards(), pool, shared),
      async close(): Promise<void> {
        if (closed) return;
        closed = true;
        for (const { machine } of guards()) machine.dispose();
        await shared?.close();
      },
    }),
    {
      kind: 'circuit' as const,
      breaker,
      run: breaker.run.bind<Breaker['run']>(breaker),
      wrap: breaker.wrap.bind<Breaker['wrap']>(breaker),
      for: (one: string): Breaker => new NamedBreaker(one, () => guardOf(one)),
      fetch: guardedFetch(guardOf, settings.fetch),
      interceptor: guardedDispatch(guardOf),
      inbound: inboundOf({ name, machineOf, isFailureStatus }),
    },
  );
}
