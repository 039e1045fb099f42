/**
 * Instances of one lifetime: those of the process, or of one request. Each is made once, however
 * many ask at the same time, and freed in the reverse of the order in which they were made.
 */
import { type Exchange, type MaybePromise, nearest, report } from '@org/core';

import { ended, noExchange, notReady, outsideScope, unknownService } from './errors.ts';
import {
  EXCHANGE_NAME,
  isThenable,
  type Registration,
  type Registrations,
} from './registration.ts';

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
  private readonly registrations: Registrations;
  private readonly root: Instances | undefined;
  private readonly exchange: Exchange | undefined;
  private readonly counts: ScopeCounts;
  private readonly ready = new Map<string, unknown>();
  /** What is being made; most scopes wait for nothing. */
  private pending: Map<string, Promise<unknown>> | undefined = undefined;
  /** What is to be freed, oldest first; most scopes have nothing. */
  private owned: [Registration, unknown][] | undefined = undefined;
  private closed: boolean = false;
  private disposing: Promise<void> | undefined = undefined;

  constructor(
    registrations: Registrations,
    counts: ScopeCounts,
    root?: Instances,
    exchange?: Exchange,
  ) {
    this.registrations = registrations;
    this.counts = counts;
    this.root = root;
    this.exchange = exchange;
  }

  get(name: string): unknown {
    const instance = this.obtain(name);
    if (instance instanceof Promise) throw notReady(name, this.awaitedBy(name));
    return instance;
  }

  async resolve(name: string): Promise<unknown> {
    return this.obtain(name);
  }

  /** The instance, or a promise of one that is still being made: no instance is a promise itself. */
  private obtain(name: string): unknown {
    if (this.closed) throw ended(name);
    const known = this.ready.get(name) ?? this.pending?.get(name);
    if (known !== undefined || this.ready.has(name)) return known;
    if (name === EXCHANGE_NAME) return this.exchangeFor();
    const registration = this.registrationOf(name);
    const home = this.homeOf(registration);
    return home === this ? this.make(registration) : home.obtain(name);
  }

  private make(registration: Registration): unknown {
    const needs = registration.needs.map((needed) => this.obtain(needed));
    const made = needs.some((needed) => needed instanceof Promise)
      ? Promise.all(needs).then((all) => registration.make(...(all as never[])))
      : registration.make(...(needs as never[]));
    return isThenable(made) ? this.wait(registration, made) : this.keep(registration, made);
  }

  /** One promise for all who ask meanwhile. What failed may be tried again. */
  private wait(registration: Registration, made: PromiseLike<unknown>): Promise<unknown> {
    const { name, lifetime } = registration;
    const kept = Promise.resolve(made).then((instance) => this.keep(registration, instance));
    if (lifetime !== 'transient') (this.pending ??= new Map()).set(name, kept);
    // What it fails with is theirs to hear who wait; there may be nobody.
    const forget = (): void => void this.pending?.delete(name);
    kept.then(forget, forget);
    return kept;
  }

  private keep(registration: Registration, instance: unknown): unknown {
    this.counts.made++;
    if (registration.lifetime !== 'transient') {
      this.ready.set(registration.name, instance);
      if (registration.dispose !== undefined) (this.owned ??= []).push([registration, instance]);
    }
    return instance;
  }

  async dispose(): Promise<void> {
    await this.end();
  }

  /** As `dispose`; a promise only where there is something to wait for. @internal */
  end(): MaybePromise<void> {
    this.closed = true;
    if (this.pending === undefined && this.owned === undefined) return undefined;
    this.disposing ??= this.disposeNow();
    return this.disposing;
  }

  private async disposeNow(): Promise<void> {
    // What is still being made may use what was made before it.
    while (this.pending !== undefined && this.pending.size > 0) {
      await Promise.allSettled(this.pending.values());
    }
    for (const [registration, instance] of this.owned?.toReversed() ?? []) {
      try {
        await registration.dispose!(instance as never);
        this.counts.disposed++;
      } catch (error) {
        this.counts.disposeErrors++;
        report(error, `di dispose ${registration.name}`, this.exchange);
      }
    }
    this.owned = undefined;
    this.ready.clear();
  }

  private registrationOf(name: string): Registration {
    const registration = this.registrations.get(name);
    if (registration !== undefined) return registration;
    const guess = nearest(name, this.registrations.keys());
    throw unknownService(name, guess === undefined ? '.' : `; did you mean "${guess}"?`);
  }

  /** Where instances of a registration live. */
  private homeOf({ name, lifetime }: Registration): Instances {
    if (lifetime === 'singleton') return this.root ?? this;
    if (lifetime === 'scoped' && this.root === undefined) throw outsideScope(name);
    return this;
  }

  private exchangeFor(): Exchange {
    if (this.root === undefined) throw outsideScope(EXCHANGE_NAME);
    if (this.exchange === undefined) throw noExchange();
    return this.exchange;
  }

  /** The service at the bottom of a wait: it is what takes time. */
  private awaitedBy(name: string): Registration {
    const registration = this.registrations.get(name)!;
    const next = registration.needs.find(
      (needed) => this.pending?.has(needed) ?? this.root?.pending?.has(needed),
    );
    return next === undefined ? registration : this.awaitedBy(next);
  }
}
