/** Services, ready to be asked for: those of the process, and scopes for the others. */
import { type Exchange, nearest } from '@org/core';

import { GraphError, notStarted } from './errors.ts';
import { type GraphNode, graphOf } from './graph.ts';
import { isThenable, type OfEveryScope, type Registrations, valueOf } from './registration.ts';
import { Instances, type Scope, type ScopeCounts } from './scope.ts';

/** Services; `L` live long, `S` in scopes. */
export class Container<L, S> {
  private readonly registrations: Registrations;
  /** Those that no other needs: what is not behind one of them is not made. */
  private readonly roots: readonly string[];
  private readonly root: Instances;
  private readonly counts: ScopeCounts = { made: 0, disposed: 0, disposeErrors: 0 };

  /** @internal */
  constructor(registrations: Registrations, roots: readonly string[]) {
    this.registrations = registrations;
    this.roots = roots;
    this.root = new Instances(registrations, this.counts);
  }

  /**
   * Makes every singleton; asynchronous ones are ready from then on. When one fails, those that
   * were made are freed, and the container is closed.
   * @throws ProblemError `ERR_DI_START`, with the failure as its cause
   */
  async start(): Promise<void> {
    const singletons = this.graph().filter(({ lifetime }) => lifetime === 'singleton');
    try {
      await Promise.all(
        singletons.map(({ name }) =>
          this.root.resolve(name).catch((cause: unknown) => {
            throw notStarted(name, cause);
          }),
        ),
      );
    } catch (error) {
      await this.dispose();
      throw error;
    }
  }

  /** What lives long, at once. @throws ProblemError `ERR_DI_ASYNC` before it is ready */
  get<K extends keyof L & string>(name: K): L[K] {
    return this.root.get(name) as L[K];
  }

  /** What lives long, once it is made. */
  resolve<K extends keyof L & string>(name: K): Promise<L[K]> {
    return this.root.resolve(name) as Promise<L[K]>;
  }

  /** A scope of one's own, such as a job's; end it with `dispose()`. */
  scope(exchange?: Exchange): Scope<L & S> {
    const scope: Scope<unknown> = new Instances(
      this.registrations,
      this.counts,
      this.root,
      exchange,
    );
    return scope as Scope<L & S>;
  }

  /**
   * The same services with others in the place of some, for tests: what is given is used as it is
   * and not freed; what only the replaced ones needed is not started. Nothing is shared with this
   * container.
   * @throws GraphError for names that are not registered, and for promises
   */
  override(given: {
    readonly [K in Exclude<keyof (L & S), keyof OfEveryScope>]?: (L & S)[K] | undefined;
  }): Container<L, S> {
    const registrations = new Map(this.registrations);
    const problems: string[] = [];
    for (const [name, value] of Object.entries(given)) {
      if (value === undefined) continue;
      if (!registrations.has(name)) {
        const guess = nearest(name, registrations.keys());
        const fix = guess === undefined ? '' : ` Did you mean "${guess}"?`;
        problems.push(`"${name}" cannot be replaced: it is not registered.${fix}`);
      } else if (isThenable(value)) {
        problems.push(`"${name}" cannot be replaced by a promise: await it first.`);
      } else {
        registrations.set(name, valueOf(name, value));
      }
    }
    if (problems.length > 0) throw new GraphError(problems);
    return new Container<L, S>(registrations, this.roots);
  }

  /** Who needs whom; every service stands behind those that it needs. */
  graph(): readonly GraphNode[] {
    return graphOf(this.registrations, this.roots);
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
