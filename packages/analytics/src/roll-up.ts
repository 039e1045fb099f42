/**
 * Turns minutes into hours and hours into days, and takes away what is kept long enough. A
 * coarser row is always made anew, from all the finer ones of its period: what arrives late has
 * it made once more, and being interrupted half-way loses nothing. It replaces exactly the row
 * that was there before, or, where somebody else was faster, nothing.
 */
import type { Clock } from '@org/core';

import type { Row, Source } from './analytics-store.ts';
import { erasedIn, type Erasures, type Noted } from './erasures.ts';
import type { GuardedStore } from './guarded-store.ts';
import type { Lease } from './lease.ts';
import { type Bounds, foldOf, USE_KINDS, type UseKind } from './payloads.ts';
import { DAY_MS, floorTo, HOUR_MS, type Retention, type Tier, TIER_MS } from './tiers.ts';

export interface RollUpOptions extends Bounds {
  readonly retention: Retention;
  /** How long an instance may hold what it has not written. */
  readonly maxPendingMs: number;
  readonly clock: Clock;
}

/** How long after the end of a period others have time to write its last rows, in ms. */
const GRACE_MS = 120_000;
/** The most that one pass does of each; the next one goes on. */
const MAX_PERIODS = 48;
const MAX_PRUNED = 5_000;

export class RollUp {
  rolledTotal: number = 0;
  prunedTotal: number = 0;
  private readonly options: RollUpOptions;
  private readonly store: GuardedStore;
  private readonly erasures: Erasures;
  private readonly lease: Lease;
  private stopped: boolean = false;

  constructor(options: RollUpOptions, store: GuardedStore, erasures: Erasures, lease: Lease) {
    this.options = options;
    this.store = store;
    this.erasures = erasures;
    this.lease = lease;
  }

  /** Does what there is to do, if nobody else does. @throws ProblemError where the store fails */
  async pass(noted: readonly Noted[]): Promise<void> {
    if (!(await this.lease.take())) return;
    for (const kind of USE_KINDS) {
      await this.rollUp('minute', 'hour', kind, noted);
      await this.rollUp('hour', 'day', kind, noted);
    }
    if (this.stopped) return;
    await this.prune();
    const { clock, maxPendingMs } = this.options;
    await this.erasures.finish(noted, clock.now() - maxPendingMs - HOUR_MS);
  }

  /** Begins nothing further. */
  stop(): void {
    this.stopped = true;
  }

  private async rollUp(
    fine: Tier,
    coarse: Tier,
    kind: UseKind,
    noted: readonly Noted[],
  ): Promise<void> {
    const lengthMs = TIER_MS[coarse];
    const periods = await this.store.call('unrolled', (store) =>
      store.unrolled(fine, kind, lengthMs, MAX_PERIODS),
    );
    for (const startAt of periods) {
      if (this.stopped || startAt + lengthMs + GRACE_MS > this.options.clock.now()) return;
      if (await this.make(fine, coarse, kind, startAt, noted)) this.rolledTotal++;
    }
  }

  private async make(
    fine: Tier,
    coarse: Tier,
    kind: UseKind,
    startAt: number,
    noted: readonly Noted[],
  ): Promise<boolean> {
    const place = { tier: coarse, kind, startAt, writer: '' };
    const range = { tier: coarse, kind, fromAt: startAt, toAt: startAt + 1, limit: 1 };
    const [before] = await this.store.call('read', (store) => store.read(range));
    const fold = foldOf(kind, this.options);
    const sources: Source[] = [];
    const toAt = startAt + TIER_MS[coarse];
    for await (const row of this.store.rows({ tier: fine, kind, fromAt: startAt, toAt })) {
      fold.merge(row, erasedIn(noted, row));
      const { tier, startAt: at, writer, revision } = row;
      sources.push({ tier, kind, startAt: at, writer, revision });
    }
    const expected = before?.revision ?? 0;
    const row: Row = { ...place, revision: expected + 1, payload: fold.payload() };
    return this.store.call('replace', (store) => store.replace(row, expected, sources));
  }

  /** Whole hours and days at a time: what a coarser row is made of is there as a whole, or not at all. */
  private async prune(): Promise<void> {
    const { retention, clock } = this.options;
    const now = clock.now();
    const ends: readonly [Tier, number][] = [
      ['minute', floorTo(now - retention.minute, HOUR_MS)],
      ['hour', floorTo(now - retention.hour, DAY_MS)],
      ['day', now - retention.day],
    ];
    for (const [tier, beforeAt] of ends) {
      this.prunedTotal += await this.store.call('prune', (store) =>
        store.prune(tier, beforeAt, MAX_PRUNED),
      );
    }
  }
}
