/**
 * Services and what they need of each other. Names and types grow with each registration, so that
 * a factory is given what it needs, typed; what a singleton may not hold, the compiler refuses
 * already. `build()` checks the same for everybody else.
 */
import { type Exchange, OptionError } from '@org/core';

import { GraphError } from './errors.ts';
import { checkGraph, type GraphNode, graphOf } from './graph.ts';
import { EXCHANGE_NAME, type Lifetime, type Recipe, type Recipes } from './recipe.ts';
import { Instances, type Scope, type ScopeCounts } from './scope.ts';

/** What a factory is called with: the services of these names. */
type Needed<S, N extends readonly (keyof S)[]> = { [I in keyof N]: S[N[I]] };

/** A factory; what it promises is awaited before anybody is given it. */
type Make<S, N extends readonly (keyof S)[], V> = (...needs: Needed<S, N>) => V | Promise<V>;

/** What more may be said of a service that lives for a while. */
export interface ServiceOptions<V> {
  /** Frees an instance, when its scope ends or the container closes. @default nothing to free */
  readonly dispose?: (instance: V) => unknown;
}

/** What only scopes have, from the start. */
interface OfEveryScope {
  readonly exchange: Exchange;
}

/** Nothing is registered. */
// oxlint-disable-next-line typescript/no-empty-object-type
type Nothing = {};

/** Begins a container. */
export function container(): ContainerBuilder<Nothing, OfEveryScope> {
  return new ContainerBuilder(new Map());
}

/** Takes services; each call answers a builder that knows one more. `L` live long, `S` in scopes. */
export class ContainerBuilder<L, S> {
  private readonly recipes: Recipes;

  /** @internal */
  constructor(recipes: Recipes) {
    this.recipes = recipes;
  }

  /** Something that is there already, such as configuration. It stays its owner's: it is not freed. */
  value<K extends string, V>(name: K, value: V): ContainerBuilder<L & Record<K, V>, S> {
    return this.with(name, 'singleton', [], () => value, undefined) as ContainerBuilder<
      L & Record<K, V>,
      S
    >;
  }

  /** One for the process; it may need what lives as long. */
  singleton<K extends string, const N extends readonly (keyof L & string)[], V>(
    name: K,
    needs: N,
    make: Make<L, N, V>,
    options?: ServiceOptions<V>,
  ): ContainerBuilder<L & Record<K, V>, S> {
    return this.with(name, 'singleton', needs, make, options) as ContainerBuilder<
      L & Record<K, V>,
      S
    >;
  }

  /** One for each scope; it may need everything, the request's `exchange` too. */
  scoped<K extends string, const N extends readonly (keyof (L & S) & string)[], V>(
    name: K,
    needs: N,
    make: Make<L & S, N, V>,
    options?: ServiceOptions<V>,
  ): ContainerBuilder<L, S & Record<K, V>> {
    return this.with(name, 'scoped', needs, make, options) as ContainerBuilder<L, S & Record<K, V>>;
  }

  /** A new one for each who needs it, and theirs to free. */
  transient<K extends string, const N extends readonly (keyof (L & S) & string)[], V>(
    name: K,
    needs: N,
    make: Make<L & S, N, V>,
  ): N[number] extends keyof L
    ? ContainerBuilder<L & Record<K, V>, S>
    : ContainerBuilder<L, S & Record<K, V>> {
    return this.with(name, 'transient', needs, make, undefined) as N[number] extends keyof L
      ? ContainerBuilder<L & Record<K, V>, S>
      : ContainerBuilder<L, S & Record<K, V>>;
  }

  /** @throws GraphError for what is missing, for circles, and for what would outlive what it holds */
  build(): Container<L & S> {
    checkGraph(this.recipes);
    return new Container<L & S>(this.recipes);
  }

  private with(
    name: string,
    lifetime: Lifetime,
    needs: readonly string[],
    make: unknown,
    options: ServiceOptions<never> | undefined,
  ): unknown {
    const problems = problemsOf(name, needs, make, options, this.recipes);
    if (problems.length > 0) throw new OptionError('di', problems);
    const recipe: Recipe = {
      name,
      lifetime,
      needs: Object.freeze([...needs]),
      make: make as Recipe['make'],
      dispose: options?.dispose,
    };
    return new ContainerBuilder(new Map(this.recipes).set(name, recipe));
  }
}

function problemsOf(
  name: unknown,
  needs: unknown,
  make: unknown,
  options: ServiceOptions<never> | undefined,
  known: Recipes,
): readonly string[] {
  if (typeof name !== 'string' || name === '') {
    return [`the name of a service must be a string, but is ${String(name)}.`];
  }
  if (name === EXCHANGE_NAME) return [`"${name}" is there in every scope; choose another name.`];
  if (known.has(name)) return [`there is a service "${name}" already; choose another name.`];
  if (!Array.isArray(needs)) return [`what "${name}" needs must be a list of names.`];
  if (typeof make !== 'function') return [`what makes "${name}" must be a function.`];
  const dispose: unknown = options?.dispose;
  if (dispose !== undefined && typeof dispose !== 'function') {
    return [`option "dispose" of "${name}" must be a function.`];
  }
  return [];
}

/** Services, ready to be asked for. */
export class Container<S> {
  private readonly recipes: Recipes;
  private readonly root: Instances;
  private readonly counts: ScopeCounts = { made: 0, disposed: 0, disposeErrors: 0 };

  /** @internal */
  constructor(recipes: Recipes) {
    this.recipes = recipes;
    this.root = new Instances(recipes, this.counts);
  }

  /**
   * Makes every singleton; asynchronous ones are ready from then on. Rejects with the first
   * failure, once what was made has been freed: the container is closed then.
   */
  async start(): Promise<void> {
    const singletons = [...this.recipes.values()].filter(
      ({ lifetime }) => lifetime === 'singleton',
    );
    try {
      await Promise.all(singletons.map(({ name }) => this.root.resolve(name)));
    } catch (error) {
      await this.dispose();
      throw error;
    }
  }

  /** A singleton, at once. @throws ProblemError `ERR_DI_ASYNC` before it is ready, `ERR_DI_NO_SCOPE` for what is scoped */
  get<K extends keyof S & string>(name: K): S[K] {
    return this.root.get(name) as S[K];
  }

  /** A singleton, once it is made. */
  resolve<K extends keyof S & string>(name: K): Promise<S[K]> {
    return this.root.resolve(name) as Promise<S[K]>;
  }

  /** A scope of one's own, such as a job's; end it with `dispose()`. */
  scope(exchange?: Exchange): Scope<S> {
    return new Instances(
      this.recipes,
      this.counts,
      this.root,
      exchange,
    ) as Scope<unknown> as Scope<S>;
  }

  /**
   * The same services with others in the place of some, for tests: what is given is used as it is
   * and not freed. Nothing is shared with this container.
   * @throws GraphError for names that are not registered
   */
  override(given: { readonly [K in keyof S]?: S[K] | undefined }): Container<S> {
    const recipes = new Map(this.recipes);
    for (const [name, value] of Object.entries(given)) {
      if (value === undefined) continue;
      if (!recipes.has(name)) {
        throw new GraphError([`"${name}" cannot be replaced: it is not registered.`]);
      }
      recipes.set(name, {
        name,
        lifetime: 'singleton',
        needs: [],
        make: () => value,
        dispose: undefined,
      });
    }
    return new Container<S>(recipes);
  }

  /** Who needs whom; every service stands behind those that it needs. */
  graph(): readonly GraphNode[] {
    return graphOf(this.recipes);
  }

  /** Numbers over all scopes. */
  stats(): {
    readonly madeTotal: number;
    readonly disposedTotal: number;
    readonly disposeErrorsTotal: number;
  } {
    const { made, disposed, disposeErrors } = this.counts;
    return { madeTotal: made, disposedTotal: disposed, disposeErrorsTotal: disposeErrors };
  }

  /** Frees the singletons, newest first. Idempotent. */
  dispose(): Promise<void> {
    return this.root.dispose();
  }
}
