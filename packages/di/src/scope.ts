/**
 * Instances of one lifetime: those of the process, or of one request. Each is made once, however
 * many ask at the same time, and freed in the reverse of the order in which they were made.
 */
import { type Exchange, nearest, report } from '@org/core';

import { ended, notReady, outsideScope, unknownService } from './errors.ts';
import { EXCHANGE_NAME, type Recipe, type Recipes } from './recipe.ts';

/** What a container counts over all its scopes. */
export interface ScopeCounts {
  made: number;
  disposed: number;
  disposeErrors: number;
}

/** Services by their names and types, as handlers ask for them. */
export interface Scope<S> {
  /** The service, at once. @throws ProblemError `ERR_DI_ASYNC` where it, or what it needs, is not ready yet */
  get<K extends keyof S & string>(name: K): S[K];
  /** The service, once it and all that it needs are made. */
  resolve<K extends keyof S & string>(name: K): Promise<S[K]>;
  /** Frees what was made here, newest first; what fails is reported. Idempotent. */
  dispose(): Promise<void>;
}

/** @internal */
export class Instances implements Scope<Record<string, unknown>> {
  private readonly recipes: Recipes;
  private readonly root: Instances | undefined;
  private readonly exchange: Exchange | undefined;
  private readonly counts: ScopeCounts;
  private readonly ready = new Map<string, unknown>();
  /** What is being made. */
  private readonly pending = new Map<string, Promise<unknown>>();
  /** What is to be freed, oldest first. */
  private readonly owned: [Recipe, unknown][] = [];
  private closed: boolean = false;
  private disposing: Promise<void> | undefined = undefined;

  constructor(recipes: Recipes, counts: ScopeCounts, root?: Instances, exchange?: Exchange) {
    this.recipes = recipes;
    this.counts = counts;
    this.root = root;
    this.exchange = exchange;
  }

  get(name: string): unknown {
    return this.at(name, name);
  }

  /** `asked` is the service for whose sake it is needed. */
  private at(name: string, asked: string): unknown {
    if (this.closed) throw ended(name);
    if (name === EXCHANGE_NAME) return this.exchangeFor(asked);
    const known = this.ready.get(name);
    if (known !== undefined || this.ready.has(name)) return known;
    const recipe = this.recipeOf(name);
    const home = this.homeOf(recipe);
    if (home !== this) return home.at(name, asked);
    if (this.pending.has(name)) throw notReady(name, asked);
    const needs = recipe.needs.map((needed) => this.at(needed, asked));
    const made = recipe.make(...(needs as never[]));
    if (!isPromise(made)) return this.keep(recipe, made);
    // It goes on, for whoever asks later; what it fails with is theirs to hear.
    this.wait(recipe, made).catch(() => undefined);
    throw notReady(name, asked);
  }

  async resolve(name: string): Promise<unknown> {
    if (this.closed) throw ended(name);
    if (name === EXCHANGE_NAME) return this.exchangeFor(name);
    if (this.ready.has(name)) return this.ready.get(name);
    const recipe = this.recipeOf(name);
    const home = this.homeOf(recipe);
    if (home !== this) return home.resolve(name);
    return this.pending.get(name) ?? this.wait(recipe, this.make(recipe));
  }

  private async make(recipe: Recipe): Promise<unknown> {
    const needs = await Promise.all(recipe.needs.map((needed) => this.resolve(needed)));
    return recipe.make(...(needs as never[]));
  }

  /** One promise for all who ask meanwhile. What failed may be tried again. */
  private wait(recipe: Recipe, made: Promise<unknown>): Promise<unknown> {
    const kept = made.then((instance) => this.keep(recipe, instance));
    if (recipe.lifetime === 'transient') return kept;
    this.pending.set(recipe.name, kept);
    const forget = (): void => void this.pending.delete(recipe.name);
    kept.then(forget, forget);
    return kept;
  }

  private keep(recipe: Recipe, instance: unknown): unknown {
    this.counts.made++;
    if (recipe.lifetime !== 'transient') {
      this.ready.set(recipe.name, instance);
      if (recipe.dispose !== undefined) this.owned.push([recipe, instance]);
    }
    return instance;
  }

  dispose(): Promise<void> {
    this.closed = true;
    this.disposing ??= this.disposeNow();
    return this.disposing;
  }

  private async disposeNow(): Promise<void> {
    // What is still being made may use what was made before it.
    while (this.pending.size > 0) await Promise.allSettled(this.pending.values());
    for (const [recipe, instance] of this.owned.toReversed()) {
      try {
        await recipe.dispose!(instance as never);
        this.counts.disposed++;
      } catch (error) {
        this.counts.disposeErrors++;
        report(error, `di dispose ${recipe.name}`, this.exchange);
      }
    }
    this.owned.length = 0;
    this.ready.clear();
  }

  private recipeOf(name: string): Recipe {
    const recipe = this.recipes.get(name);
    if (recipe !== undefined) return recipe;
    const guess = nearest(name, [...this.recipes.keys()]);
    throw unknownService(name, guess === undefined ? '.' : `; did you mean "${guess}"?`);
  }

  /** Where instances of a recipe live. */
  private homeOf({ name, lifetime }: Recipe): Instances {
    if (lifetime === 'singleton') return this.root ?? this;
    if (lifetime === 'scoped' && this.root === undefined) throw outsideScope(name);
    return this;
  }

  private exchangeFor(asked: string): Exchange {
    if (this.exchange === undefined) throw outsideScope(asked);
    return this.exchange;
  }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise;
}
