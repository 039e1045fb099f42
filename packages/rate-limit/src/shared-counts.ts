/**
 * Limits across processes: counters of a store, one for each key and window, the windows lying
 * where the clock puts them, so that all processes mean the same one. `fixed` counts the window
 * that is; the others weigh in the one before by how much of it the sliding window still covers,
 * as if its units had come evenly. Counters can only be added to: what is refused is given back.
 */
import type { Clock, Count, MaybePromise } from '@org/core';

import { Leases } from './leases.ts';
import type { Policy } from './policy.ts';
import type { RateLimitOptions } from './options.ts';
import { NOWHERE, type Standing } from './standing.ts';
import type { StoreGuard } from './store-guard.ts';
import type { Visit } from './visit.ts';

/** The most of a limit that one process leases. */
const MOST_LEASED = 1 / 20;

/** What a window holds, and the one before. */
interface Reading {
  readonly current: number;
  readonly previous: number;
}

/** What was counted in windows that are over: it is read once. */
interface Past {
  window: number;
  readonly counts: Map<string, number>;
}

export class SharedCounts {
  private readonly leases: Leases;
  private readonly prefix: string;
  private readonly maxKeys: number;
  private readonly leaseUnits: number;
  private readonly clock: Clock;
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
    this.leases = new Leases(guard, maxKeys, clock);
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
    const readings: MaybePromise<Reading | undefined>[] = taken.map((standing) => {
      standing.sharedWindow = windowAt(standing.policy, nowAt);
      return this.read(standing, visit.units);
    });
    const conclude = (all: readonly (Reading | undefined)[]): boolean => {
      if (all.includes(undefined)) {
        for (const [at, standing] of taken.entries()) {
          // Nobody knows whether they arrived: what may not be there is not taken out again.
          if (all[at] === undefined) standing.sharedWindow = NOWHERE;
        }
        return false;
      }
      for (const [at, standing] of taken.entries()) {
        correct(standing, all[at]!, visit.units, nowAt);
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
      standing.sharedWindow = windowAt(standing.policy, nowAt);
      const reading = await this.read(standing, 0);
      if (reading === undefined) return false;
      const { current, previous } = reading;
      // As if its units had been taken here and there, and then they are given back.
      standing.remaining -= visit.units;
      correct(standing, { current: current + visit.units, previous }, visit.units, nowAt);
      standing.remaining += visit.units;
    }
    visit.judge();
    return true;
  }

  /** Adds to the window that a standing's units went into, if they did; nobody waits for it. */
  add(standing: Standing, units: number): void {
    if (standing.sharedWindow === NOWHERE || units === 0) return;
    const { policy, key, sharedWindow } = standing;
    void this.addTo(policy, this.nameOf(policy, key, sharedWindow), units);
  }

  /** Empties the counters of a key. */
  async reset(policy: Policy, key: string): Promise<void> {
    const window = windowAt(policy, this.clock.now());
    this.pasts.get(policy)?.counts.delete(key);
    for (const at of [window, window - 1]) {
      const name = this.nameOf(policy, key, at);
      this.leases.forget(name);
      const count = await this.addTo(policy, name, 0);
      if (count !== undefined) await this.addTo(policy, name, -count.value);
    }
  }

  /** Gives back what was taken ahead. */
  close(): Promise<void> {
    return this.leases.close();
  }

  private read(standing: Standing, units: number): MaybePromise<Reading | undefined> {
    const { policy, key, sharedWindow } = standing;
    const name = this.nameOf(policy, key, sharedWindow);
    const current = this.addTo(policy, name, units);
    const previous = policy.options.algorithm === 'fixed' ? 0 : this.previous(standing);
    if (current instanceof Promise || previous instanceof Promise) {
      return Promise.all([current, previous]).then(([now, before]) => readingOf(now, before));
    }
    return readingOf(current, previous);
  }

  /** What the window before holds: it hardly changes any more. */
  private previous({ policy, key, sharedWindow }: Standing): MaybePromise<number | undefined> {
    let past = this.pasts.get(policy);
    if (past === undefined || past.window !== sharedWindow) {
      past = { window: sharedWindow, counts: new Map() };
      this.pasts.set(policy, past);
    }
    const known = past.counts.get(key);
    if (known !== undefined) return known;
    const keep = (count: Count | undefined): number | undefined => {
      if (count === undefined) return undefined;
      if (past.counts.size >= this.maxKeys) past.counts.clear();
      past.counts.set(key, count.value);
      return count.value;
    };
    const name = this.nameOf(policy, key, sharedWindow - 1);
    const answer = this.addTo(policy, name, 0, policy.options.windowMs);
    return answer instanceof Promise ? answer.then(keep) : keep(answer);
  }

  /** A lease is a small part of a limit, or those who lease nothing would find nothing left. */
  private addTo(
    policy: Policy,
    name: string,
    units: number,
    forMs: number = keepMs(policy),
  ): MaybePromise<Count | undefined> {
    const most = Math.floor(policy.options.limit * MOST_LEASED);
    return this.leases.add(name, units, forMs, Math.min(this.leaseUnits, most));
  }

  private nameOf({ id }: Policy, key: string, window: number): string {
    return `${this.prefix}${id}:${key}:${window}`;
  }
}

/** Whether a store in this process has answered all at once. */
function allNow<T>(answers: readonly MaybePromise<T>[]): answers is readonly T[] {
  return !answers.some((answer) => answer instanceof Promise);
}

function readingOf(current: Count | undefined, previous: number | undefined): Reading | undefined {
  if (current === undefined || previous === undefined) return undefined;
  return { current: current.value, previous };
}

function windowAt({ options }: Policy, nowAt: number): number {
  return Math.floor(nowAt / options.windowMs);
}

/** A window is asked for until the one after it is over. */
function keepMs({ options }: Policy): number {
  return options.windowMs * 2;
}

/** What all processes have leaves no more than it leaves. */
function correct(standing: Standing, reading: Reading, units: number, nowAt: number): void {
  const { algorithm, options } = standing.policy;
  const { windowMs } = options;
  const { current, previous } = reading;
  // A bucket may let its burst through at once, however low its limit is.
  const limit = Math.max(algorithm.limit, algorithm.capacity);
  const restMs = (standing.sharedWindow + 1) * windowMs - nowAt;
  const used = current + previous * (restMs / windowMs);
  const left = Math.floor(limit - used);
  if (left < standing.remaining) {
    standing.remaining = left;
    standing.resetMs = previous > 0 ? Math.min(restMs, windowMs / previous) : restMs;
  }
  if (used <= limit) return;
  standing.violated = true;
  standing.reduced = used <= standing.policy.fullCapacity;
  const waitMs = untilFree(standing, { current: current - units, previous }, units, restMs);
  // What this process has counted may hold for longer.
  standing.waitMs = Math.max(standing.waitMs, waitMs);
}

/** How long until others' units leave room for these, in ms. */
function untilFree(
  { policy: { algorithm, options } }: Standing,
  { current, previous }: Reading,
  units: number,
  restMs: number,
): number {
  const { windowMs } = options;
  const room = Math.max(algorithm.limit, algorithm.capacity) - units;
  if (options.algorithm !== 'fixed' && current <= room) {
    // The window before has to slide out a little more.
    return Math.max(0, restMs - ((room - current) / previous) * windowMs);
  }
  if (options.algorithm === 'fixed' || current <= 0) return restMs;
  return restMs + Math.max(0, 1 - room / current) * windowMs;
}
