/**
 * Services and what they need of each other. Names and types grow with each registration, so that
 * a factory is given what it needs, typed; what a singleton may not hold, the compiler refuses
 * already. `build()` checks the same for everybody else.
 */
import { type Checks, func, OptionError, resolveOptions } from '@org/core';

import { Container } from './container.ts';
import { checkGraph, rootsOf } from './graph.ts';
import {
  EXCHANGE_NAME,
  isThenable,
  type Lifetime,
  type OfEveryScope,
  type Registration,
  type Registrations,
  valueOf,
} from './registration.ts';

/** What a factory is called with: the services of these names. */
type Needed<S, N extends readonly (keyof S)[]> = { [I in keyof N]: S[N[I]] };

/** A factory; what it promises is awaited before anybody is given it. */
type Make<S, N extends readonly (keyof S)[], V> = (...needs: Needed<S, N>) => V | PromiseLike<V>;

/** What more may be said of a service that lives for a while. */
export interface ServiceOptions<V> {
  /** Frees an instance, when its scope ends or the container closes. @default nothing to free */
  readonly dispose?: ((instance: V) => unknown) | undefined;
}

const SERVICE_DEFAULTS: Readonly<ServiceOptions<never>> = Object.freeze({ dispose: undefined });

const SERVICE_CHECKS: Checks<ServiceOptions<never>> = { dispose: func() };

/** Nothing is registered. */
// oxlint-disable-next-line typescript/no-empty-object-type
export type Nothing = {};

/** Begins a container. */
export function container(): ContainerBuilder<Nothing, OfEveryScope> {
  return new ContainerBuilder(new Map());
}

/** Takes services; each call answers a builder that knows one more. `L` live long, `S` in scopes. */
export class ContainerBuilder<L, S> {
  private readonly registrations: Registrations;

  /** @internal */
  constructor(registrations: Registrations) {
    this.registrations = registrations;
  }

  /**
   * Something that is there already, such as configuration. It stays its owner's: it is not freed.
   * @throws OptionError for a name that is taken, and for a promise
   */
  value<K extends string, V>(name: K, value: V): ContainerBuilder<L & Record<K, V>, S> {
    if (isThenable(value)) {
      throw new OptionError(`di: service "${name}"`, [
        'a value must be there already, but is a promise; await it, or let a singleton make it.',
      ]);
    }
    return this.with(valueOf(name, value)) as ContainerBuilder<L & Record<K, V>, S>;
  }

  /** One for the process; it may need what lives as long. @throws OptionError */
  singleton<K extends string, const N extends readonly (keyof L & string)[], V>(
    name: K,
    needs: N,
    make: Make<L, N, V>,
    options?: ServiceOptions<V>,
  ): ContainerBuilder<L & Record<K, V>, S> {
    return this.made(name, 'singleton', needs, make, options) as ContainerBuilder<
      L & Record<K, V>,
      S
    >;
  }

  /** One for each scope; it may need everything, the request's `exchange` too. @throws OptionError */
  scoped<K extends string, const N extends readonly (keyof (L & S) & string)[], V>(
    name: K,
    needs: N,
    make: Make<L & S, N, V>,
    options?: ServiceOptions<V>,
  ): ContainerBuilder<L, S & Record<K, V>> {
    return this.made(name, 'scoped', needs, make, options) as ContainerBuilder<L, S & Record<K, V>>;
  }

  /** A new one for each who needs it, and theirs to free. @throws OptionError */
  transient<K extends string, const N extends readonly (keyof (L & S) & string)[], V>(
    name: K,
    needs: N,
    make: Make<L & S, N, V>,
  ): N[number] extends keyof L
    ? ContainerBuilder<L & Record<K, V>, S>
    : ContainerBuilder<L, S & Record<K, V>> {
    return this.made(name, 'transient', needs, make) as N[number] extends keyof L
      ? ContainerBuilder<L & Record<K, V>, S>
      : ContainerBuilder<L, S & Record<K, V>>;
  }

  /** @throws GraphError for what is missing, for circles, and for what would outlive what it holds */
  build(): Container<L, S> {
    checkGraph(this.registrations);
    return new Container<L, S>(this.registrations, rootsOf(this.registrations));
  }

  private made(
    name: string,
    lifetime: Lifetime,
    needs: readonly string[],
    make: unknown,
    options?: ServiceOptions<never>,
  ): unknown {
    const owner = `di: service "${name}"`;
    if (!Array.isArray(needs) || !needs.every((needed) => typeof needed === 'string')) {
      throw new OptionError(owner, ['what it needs must be a list of names.']);
    }
    if (typeof make !== 'function') {
      throw new OptionError(owner, ['what makes it must be a function.']);
    }
    return this.with({
      name,
      lifetime,
      needs: Object.freeze([...needs]),
      make: make as Registration['make'],
      dispose: resolveOptions(owner, SERVICE_DEFAULTS, SERVICE_CHECKS, options).dispose,
    });
  }

  private with(registration: Registration): unknown {
    const problem = problemOf(registration.name, this.registrations);
    if (problem !== undefined) throw new OptionError('di', [problem]);
    return new ContainerBuilder(new Map(this.registrations).set(registration.name, registration));
  }
}

/** What is wrong with a name. */
function problemOf(name: unknown, known: Registrations): string | undefined {
  if (typeof name !== 'string' || name === '') {
    return `the name of a service must be a string, but is ${JSON.stringify(name)}.`;
  }
  if (name === EXCHANGE_NAME) return `"${name}" is there in every scope; choose another name.`;
  if (known.has(name)) return `there is a service "${name}" already; choose another name.`;
  return undefined;
}
