/**
 * Limits across processes: counters of a store, one for each key, or for each key and window,
 * which lie where the clock puts them, so that all processes mean the same ones. Counters can only
 * be added to: what is refused is given back.
 */
import type { Clock, Count, MaybePromise } from '@org/core';

import { Leases, type SharedSlice } from './leases.ts';
import type { Policy } from './policy.ts';
import type { RateLimitOptions } from './options.ts';
import { correct, type Cut, cutOf, type Reading } from './shared-window.ts';
import { NOWHERE, type Standing } from './standing.ts';
import type { StoreGuard } from './store-guard.ts';
import type { Visit } from './visit.ts';

/** The most of a limit that one process leases. */
const MOST_LEASED = 1 / 20;

const NONE: readonly number[] = Object.freeze([]);

/** What was counted in windows that are over: it is read once. */
interface Past {
  window: number;
  readonly counts: Map<string, number>;
}

export class SharedCounts {
  private readonly guard: StoreGuard;
  private readonly leases: Leases;
  private readonly prefix: string;
  private readonly maxKeys: number;
  private readonly leaseUnits: number;
  private readonly clock: Clock;
  private readonly cuts: Map<Policy, Cut> = new Map();
  private readonly pasts: Map<Policy, Past> = new Map();

  constructor(
    guard: StoreGuard,
    {
      storePrefix,
      maxKeys,
      leaseUnits,
      clock,
    }: Pick<RateLimitOptions, 'storePrefix' | 'maxKeys' | 'leaseUnits' | 'clock'>,
  ) {
    this.guard = guard;
    this.leases = new Leases(maxKeys, clock);
    this.prefix = storePrefix;
    this.maxKeys = maxKeys;
    this.leaseUnits = leaseUnits;
    this.clock = clock;
  }

  /**
   * Adds what a visit has taken, and corrects its standings by what all processes have. Says
   * whether the store has answered; where it has and there was not enough, all is given back.
   */
  take(visit: Visit): MaybePromise<boolean> {
    const nowAt = this.clock.now();
    const taken = visit.standings.filter((standing) => standing.taken);
    const readings = taken.map((standing) => this.read(standing, visit.units, nowAt));
    const conclude = (all: readonly (Reading | undefined)[]): boolean => {
      if (all.includes(undefined)) {
        for (const [at, standing] of taken.entries()) {
          // Nobody knows whether they arrived: what may not be there is not taken out again.
          if (all[at] === undefined) standing.sharedSlice = NOWHERE;
        }
        return false;
      }
      for (const [at, standing] of taken.entries()) {
        this.correct(standing, all[at]!, visit.units, nowAt);
      }
      visit.judge();
      const given = taken.filter(({ violated }) => visit.refused || violated);
      for (const standing of given) this.add(standing, -visit.units);
      return true;
    };
    if (allNow(readings)) return conclude(readings);
    return Promise.all(readings.map(async (reading) => reading)).then(conclude);
  }

  /** Corrects standings by what all processes have, and takes nothing. */
  async look(visit: Visit): Promise<boolean> {
    const nowAt = this.clock.now();
    for (const standing of visit.standings) {
      const reading = await this.read(standing, 0, nowAt);
      if (reading === undefined) return false;
      const { current, older } = reading;
      // As if its units had been taken here and there, and then they are given back.
      standing.remaining -= visit.units;
      this.correct(standing, { current: current + visit.units, older }, visit.units, nowAt);
      standing.remaining += visit.units;
    }
    visit.judge();
    return true;
  }

  /** Adds to the slice that a standing's units went into, if they did; nobody waits for it. */
  add({ policy, key, sharedSlice }: Standing, units: number): void {
    if (sharedSlice === NOWHERE || units === 0) return;
    void this.addTo(policy, key, sharedSlice, units);
  }

  /** Empties the counters of a key. */
  async reset(policy: Policy, key: string): Promise<void> {
    const { sliceMs, before, slides } = this.cutOf(policy);
    const now = Math.floor(this.clock.now() / sliceMs);
    this.leases.forget(this.nameOf(policy, key));
    this.pasts.get(policy)?.counts.delete(key);
    const held = slides ? await this.slide(policy, key, now, 0) : undefined;
    for (let age = 0; age <= before; age++) {
      const count = slides
        ? held?.[age]
        : (await this.addToWindow(policy, key, now - age, 0))?.value;
      if (count === undefined || count === 0) continue;
      if (slides) await this.slide(policy, key, now - age, -count);
      else await this.addToWindow(policy, key, now - age, -count);
    }
  }

  /** Gives back what was taken ahead. */
  close(): Promise<void> {
    return this.leases.close();
  }

  private read(
    standing: Standing,
    units: number,
    nowAt: number,
  ): MaybePromise<Reading | undefined> {
    const { policy, key } = standing;
    const number = Math.floor(nowAt / this.cutOf(policy).sliceMs);
    standing.sharedSlice = number;
    return this.addTo(policy, key, number, units);
  }

  private correct(standing: Standing, reading: Reading, units: number, nowAt: number): void {
    const cut = this.cutOf(standing.policy);
    const restMs = (standing.sharedSlice + 1) * cut.sliceMs - nowAt;
    correct(standing, reading, units, restMs, cut);
  }

  /** A lease is a small part of a limit, or those who lease nothing would find nothing left. */
  private addTo(
    policy: Policy,
    key: string,
    number: number,
    units: number,
  ): MaybePromise<Reading | undefined> {
    const slice: SharedSlice = {
      name: this.nameOf(policy, key),
      number,
      add: (amount) => this.ask(policy, key, number, amount),
    };
    const most = Math.floor(policy.options.limit * MOST_LEASED);
    return this.leases.add(slice, units, Math.min(this.leaseUnits, most));
  }

  private ask(
    policy: Policy,
    key: string,
    number: number,
    units: number,
  ): MaybePromise<Reading | undefined> {
    const { slides, before } = this.cutOf(policy);
    if (slides) {
      const held = this.slide(policy, key, number, units);
      return held instanceof Promise ? held.then(readingOf) : readingOf(held);
    }
    const count = this.addToWindow(policy, key, number, units);
    const older = before === 0 ? NONE : this.past(policy, key, number);
    if (count instanceof Promise || older instanceof Promise) {
      return Promise.all([count, older]).then(([now, past]) => windowsOf(now, past));
    }
    return windowsOf(count, older);
  }

  /** What the window before holds: it hardly changes any more. */
  private past(
    policy: Policy,
    key: string,
    window: number,
  ): MaybePromise<readonly number[] | undefined> {
    let past = this.pasts.get(policy);
    if (past === undefined || past.window !== window) {
      past = { window, counts: new Map() };
      this.pasts.set(policy, past);
    }
    const known = past.counts.get(key);
    if (known !== undefined) return [known];
    const keep = (count: Count | undefined): readonly number[] | undefined => {
      if (count === undefined) return undefined;
      if (past.counts.size >= this.maxKeys) past.counts.clear();
      past.counts.set(key, count.value);
      return [count.value];
    };
    const answer = this.addToWindow(policy, key, window - 1, 0, policy.options.windowMs);
    return answer instanceof Promise ? answer.then(keep) : keep(answer);
  }

  private slide(
    policy: Policy,
    key: string,
    number: number,
    units: number,
  ): MaybePromise<readonly number[] | undefined> {
    const { sliceMs, before } = this.cutOf(policy);
    return this.guard.slide(this.nameOf(policy, key), units, { number, lengthMs: sliceMs, before });
  }

  /** A window is asked for until the one after it is over. */
  private addToWindow(
    policy: Policy,
    key: string,
    window: number,
    units: number,
    keepMs: number = policy.options.windowMs * 2,
  ): MaybePromise<Count | undefined> {
    return this.guard.add(`${this.nameOf(policy, key)}:${window}`, units, keepMs);
  }

  private nameOf({ id }: Policy, key: string): string {
    return `${this.prefix}${id}:${key}`;
  }

  private cutOf(policy: Policy): Cut {
    let cut = this.cuts.get(policy);
    if (cut === undefined) {
      cut = cutOf(policy, this.guard.slides);
      this.cuts.set(policy, cut);
    }
    return cut;
  }
}

/** Whether a store in this process has answered all at once. */
function allNow<T>(answers: readonly MaybePromise<T>[]): answers is readonly T[] {
  return !answers.some((answer) => answer instanceof Promise);
}

function readingOf(held: readonly number[] | undefined): Reading | undefined {
  return held === undefined ? undefined : { current: held[0]!, older: held.slice(1) };
}

function windowsOf(
  count: Count | undefined,
  older: readonly number[] | undefined,
): Reading | undefined {
  return count === undefined || older === undefined ? undefined : { current: count.value, older };
}
