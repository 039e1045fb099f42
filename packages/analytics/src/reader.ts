/** Reads what is kept of a period, over all instances, by as few rows as tell all of it. */
import type { Row } from './analytics-store.ts';
import { cover } from './cover.ts';
import { erasedIn, type Erasures } from './erasures.ts';
import type { GuardedStore } from './guarded-store.ts';
import type { UseKind } from './payloads.ts';
import { DAY_MS, floorTo, HOUR_MS, type Tier } from './tiers.ts';

/** More periods than are ever kept in a finer tier. */
const MAX_PERIODS = 10_000;

/** A row, and whose share of it must not be shown. */
export interface ReadRow {
  readonly row: Row;
  readonly erased: ReadonlySet<string> | undefined;
}

export class Reader {
  private readonly store: GuardedStore;
  private readonly erasures: Erasures;

  constructor(store: GuardedStore, erasures: Erasures) {
    this.store = store;
    this.erasures = erasures;
  }

  /**
   * Rows that tell of the period, each moment of it once.
   * @throws ProblemError where the store fails
   */
  async *rows(
    kind: UseKind,
    fromAt: number,
    toAt: number,
    coarsest: Tier,
  ): AsyncGenerator<ReadRow> {
    const noted = kind === 'consumers' ? await this.erasures.noted() : [];
    const hours = new Set(await this.unrolled('minute', kind, HOUR_MS));
    const days = new Set(await this.unrolled('hour', kind, DAY_MS));
    for (const hour of hours) days.add(floorTo(hour, DAY_MS));
    for (const stretch of cover(fromAt, toAt, coarsest, { hours, days })) {
      for await (const row of this.store.rows({ kind, ...stretch })) {
        yield { row, erased: erasedIn(noted, row) };
      }
    }
  }

  private unrolled(tier: Tier, kind: UseKind, periodMs: number): Promise<readonly number[]> {
    return this.store.call('unrolled', (store) =>
      store.unrolled(tier, kind, periodMs, MAX_PERIODS),
    );
  }
}
