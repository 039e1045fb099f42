/**
 * A service to be overloaded, on a clock that a test moves: a pool of slots behind an
 * admission, and requests that come whatever becomes of them (a Poisson process with a seed).
 */
import type { FakeClock } from '@org/core/testing';
import { fakeClock } from '@org/core/testing';

import { Admission, type AdmissionOptions, type Wish } from '../src/admission.ts';
import type { Permit } from '../src/limiter.ts';
import { QUEUE_DEFAULTS } from '../src/options.ts';
import { fixedLimit, type Refusal } from '@org/queue';

/** What became of a request. */
export interface Visitor {
  readonly rank: number;
  readonly account: string | undefined;
  readonly atMs: number;
  /** How long it waited for a permit or a refusal. */
  waitedMs: number;
  /** When it was done; NaN if it was refused. */
  doneMs: number;
  refusal: Refusal | undefined;
}

/** Requests of one kind. */
export interface Source {
  readonly perSecond: number;
  readonly rank?: number;
  readonly account?: string;
  readonly cost?: number;
}

export class Service {
  readonly clock: FakeClock = fakeClock();
  readonly admission: Admission;
  readonly visitors: Visitor[] = [];
  /** How long a slot is taken by a request, in ms. */
  workMs: number = 10;
  slots: number = 20;
  busy: number = 0;
  private readonly backlog: (() => void)[] = [];
  private readonly random: () => number;

  constructor(options: Partial<AdmissionOptions> = {}, seed: number = 1) {
    this.random = seeded(seed);
    this.admission = new Admission({
      ...QUEUE_DEFAULTS,
      limit: fixedLimit(20),
      clock: this.clock,
      // In the same instant, after all that happens in it.
      defer: (task) => void this.clock.after(0, task),
      ...options,
    });
  }

  /** Has requests come for `forMs`. */
  run(forMs: number, ...sources: readonly Source[]): void {
    const untilMs = this.clock.monotonicMs() + forMs;
    for (const source of sources) this.arrive(source, untilMs);
    this.clock.advance(forMs);
  }

  /** Requests that came from `fromMs` on. */
  since(fromMs: number, rank?: number): readonly Visitor[] {
    return this.visitors.filter(
      (one) => one.atMs >= fromMs && (rank === undefined || one.rank === rank),
    );
  }

  private arrive(source: Source, untilMs: number): void {
    const gapMs = (-Math.log(1 - this.random()) * 1000) / source.perSecond;
    if (this.clock.monotonicMs() + gapMs >= untilMs) return;
    this.clock.after(gapMs, () => {
      this.ask(source);
      this.arrive(source, untilMs);
    });
  }

  ask({ rank = 1, account, cost = 1 }: Omit<Source, 'perSecond'>): Visitor {
    const { admission, clock } = this;
    const atMs = clock.monotonicMs();
    const visitor: Visitor = {
      rank,
      account,
      atMs,
      waitedMs: 0,
      doneMs: Number.NaN,
      refusal: undefined,
    };
    this.visitors.push(visitor);
    const admitted = (permit: Permit): void => {
      visitor.waitedMs = clock.monotonicMs() - atMs;
      this.work(() => {
        visitor.doneMs = clock.monotonicMs();
        permit.success();
      });
    };
    const permit = admission.tryNow(cost, rank, QUEUE_DEFAULTS.maxWaitMs);
    if (permit !== undefined) {
      admitted(permit);
      return visitor;
    }
    const wish: Wish = { cost, rank, account, maxWaitMs: 1000, deadlineMs: Infinity };
    const refused = (reason: Refusal): void => {
      visitor.waitedMs = clock.monotonicMs() - atMs;
      visitor.refusal = reason;
    };
    const place = admission.wait({ isGone: () => false, admitted, refused }, wish);
    if (typeof place === 'string') refused(place);
    return visitor;
  }

  private work(done: () => void): void {
    if (this.busy >= this.slots) {
      this.backlog.push(() => this.work(done));
      return;
    }
    this.busy++;
    this.clock.after(this.workMs, () => {
      this.busy--;
      this.backlog.shift()?.();
      done();
    });
  }
}

/** Share of the capacity that became answers within the objective. */
export function goodRatio(
  visitors: readonly Visitor[],
  perSecond: number,
  forMs: number,
  objectiveMs: number = 200,
): number {
  const good = visitors.filter(({ atMs, doneMs }) => doneMs - atMs <= objectiveMs);
  return good.length / ((perSecond * forMs) / 1000);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Randomness that is the same each time (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
