/**
 * Gives each request a scope of services, and frees it when the response has closed. It stands
 * where handlers' own things begin; a request whose handler asks for nothing costs nothing, since
 * the scope is made by the first who asks.
 */
import {
  type Checks,
  defineMiddleware,
  defineStages,
  EXCHANGE,
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

import { type Container, container } from './container.ts';
import { ended } from './errors.ts';
import type { Scope } from './scope.ts';

/** What di can be told. */
export interface DiOptions<S> {
  /** The services. @default none */
  readonly services: Container<S> | undefined;
}

export const DI_DEFAULTS: Readonly<DiOptions<unknown>> = Object.freeze<DiOptions<unknown>>({
  services: undefined,
});

const CHECKS: Checks<DiOptions<unknown>> = {
  services: shape<Container<unknown>>('a container, from container().build()', [
    'start',
    'scope',
    'dispose',
  ]),
};

/** The middleware, and the scopes of requests. */
export interface Di<S> extends Middleware {
  /** The services of a request. @throws ProblemError `ERR_DI_CLOSED` once the response has closed */
  of(request: Request | Exchange): Scope<S>;
  readonly services: Container<S>;
}

/**
 * Makes the middleware. It starts the container, and closes it behind the last scope.
 * @throws OptionError for unknown or wrong options
 */
export function di<S = unknown>(options?: Given<DiOptions<S>>): Di<S> {
  const resolved = resolveOptions('di', DI_DEFAULTS, CHECKS, options as Given<DiOptions<unknown>>);
  const services = (resolved.services ?? container().build()) as Container<S>;
  const key = stateKey<Scope<S>>('di scope');
  /** Scopes that are being freed. */
  const ending = new Set<Promise<void>>();
  let scopesTotal = 0;
  let openScopes = 0;
  let closed = false;

  const stages = defineStages({
    done(exchange) {
      const end = exchange.getState(key)!.dispose();
      ending.add(end);
      void end.then(() => {
        openScopes--;
        ending.delete(end);
      });
    },
  });

  const scopeOf = (exchange: Exchange): Scope<S> => {
    const known = exchange.getState(key);
    if (known !== undefined) return known;
    if (closed || exchange.settled) throw ended('of(req)');
    const scope = services.scope(exchange);
    scopesTotal++;
    openScopes++;
    exchange.setState(key, scope);
    exchange.tap(stages);
    return scope;
  };

  const made = defineMiddleware({
    name: 'di',
    phase: 'session',
    priority: 10,
    reason: 'handlers, and the sessions behind it, ask for their services here',
    step: () => undefined,
    start: () => services.start(),
    stats: (): Stats => ({ scopesTotal, openScopes, ...services.stats() }),
    async close() {
      closed = true;
      // Services of requests may use those of the process.
      while (ending.size > 0) await Promise.all(ending);
      await services.dispose();
    },
  });
  return Object.assign(made, {
    services,
    of: (request: Request | Exchange) => scopeOf(exchangeFor(request)),
  });
}

/** The exchange behind a request; the first who asks makes it. */
function exchangeFor(request: Request | Exchange): Exchange {
  if ('getState' in request) return request;
  const known = (request as Request & { [EXCHANGE]?: Exchange })[EXCHANGE];
  return known ?? exchangeOf(request, request.res!);
}
