/**
 * Gives each request a scope of services, and frees it when the response has closed. It stands
 * where handlers' own things begin; a request whose handler asks for nothing costs nothing, since
 * the scope is made by the first who asks.
 */
import {
  type Checks,
  defineMiddleware,
  defineStages,
  type Exchange,
  exchangeOf,
  type Given,
  type Middleware,
  resolveOptions,
  shape,
  stateKey,
  type Stats,
} from '@org/core';
import type { Request } from 'express';

import { container, type Nothing } from './builder.ts';
import type { Container } from './container.ts';
import { ended } from './errors.ts';
import type { OfEveryScope } from './registration.ts';
import type { Instances, Scope } from './scope.ts';

/** What di can be told. */
export interface DiOptions<L, S> {
  /** The services. @default none */
  readonly services: Container<L, S> | undefined;
}

export const DI_DEFAULTS: Readonly<DiOptions<never, never>> = Object.freeze<
  DiOptions<never, never>
>({
  services: undefined,
});

const CHECKS: Checks<DiOptions<unknown, unknown>> = {
  services: shape<Container<unknown, unknown>>('a container, from container().build()', [
    'start',
    'scope',
    'dispose',
  ]),
};

/** The middleware, and the scopes of requests. */
export interface Di<L, S> extends Middleware {
  /** The services of a request. @throws ProblemError `ERR_DI_CLOSED` once the response has closed */
  of(request: Request | Exchange): Scope<L & S>;
  readonly services: Container<L, S>;
  start(): Promise<void>;
  stats(): Stats;
  /** Frees the services once no request has a scope any more, or `signal` aborts. */
  close(signal?: AbortSignal): Promise<void>;
}

/**
 * Makes the middleware. It starts the container, and closes it behind the last scope.
 * @throws OptionError for unknown or wrong options
 */
export function di<L = Nothing, S = OfEveryScope>(options?: Given<DiOptions<L, S>>): Di<L, S> {
  const resolved = resolveOptions<DiOptions<unknown, unknown>>('di', DI_DEFAULTS, CHECKS, options);
  const services = (resolved.services ?? container().build()) as Container<L, S>;
  const key = stateKey<Instances & Scope<L & S>>('di scope');
  let scopesTotal = 0;
  let openScopes = 0;
  let onIdle: (() => void) | undefined;
  let closing: Promise<void> | undefined;

  const left = (): void => {
    openScopes--;
    if (openScopes === 0) onIdle?.();
  };

  const stages = defineStages({
    done(exchange) {
      const end = exchange.getState(key)!.end();
      if (end === undefined) left();
      else void end.then(left);
    },
  });

  function of(request: Request | Exchange): Scope<L & S> {
    const exchange = 'getState' in request ? request : exchangeOf(request, request.res!);
    const known = exchange.getState(key);
    if (known !== undefined) return known;
    if (closing !== undefined || exchange.settled) throw ended('of(req)');
    const scope = services.scope(exchange) as Instances & Scope<L & S>;
    scopesTotal++;
    openScopes++;
    exchange.setState(key, scope);
    exchange.tap(stages);
    return scope;
  }

  /** Services of requests may use those of the process. */
  async function closeBehindScopes(signal: AbortSignal | undefined): Promise<void> {
    if (openScopes > 0 && signal?.aborted !== true) {
      await new Promise<void>((resolve) => {
        onIdle = resolve;
        signal?.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    await services.dispose();
  }

  const start = (): Promise<void> => services.start();
  const stats = (): Stats => ({ scopesTotal, openScopes, ...services.stats() });
  const close = (signal?: AbortSignal): Promise<void> => (closing ??= closeBehindScopes(signal));

  const middleware = defineMiddleware({
    name: 'di',
    phase: 'session',
    priority: 10,
    reason: 'handlers, and the sessions behind it, ask for their services here',
    step: () => undefined,
    start,
    stats,
    close,
  });
  return Object.assign(middleware, { services, of, start, stats, close });
}
