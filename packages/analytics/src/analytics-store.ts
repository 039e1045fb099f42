/**
 * Where use is kept. A store knows rows and nothing of what they say: each instance writes rows
 * of its own, for each minute, and they are merged when they are read, or once the hour is over.
 * So nobody ever adds to a number in a store: what is written twice is there once, and two
 * instances cannot overwrite each other.
 */
import type { MaybePromise } from '@org/core';

import type { Tier } from './tiers.ts';

/** `control` holds the lease of whoever rolls up, and erasures under way. */
export type RowTier = Tier | 'control';
export type RowKind = 'endpoints' | 'consumers' | 'lease' | 'erasure';

/** What tells a row from all others. */
export interface Place {
  readonly tier: RowTier;
  readonly kind: RowKind;
  /** When its period begins, in ms since the epoch. */
  readonly startAt: number;
  /** The instance it is of; empty where several are merged. */
  readonly writer: string;
}

export interface Row extends Place {
  /** Grows with each writing of the row, from 1. */
  readonly revision: number;
  /** JSON. */
  readonly payload: string;
}

/** A place, and the revision that was read there. */
export type Source = Place & { readonly revision: number };

export interface ReadRange {
  readonly tier: RowTier;
  readonly kind: RowKind;
  /** Rows that start at this time or later, in ms since the epoch … */
  readonly fromAt: number;
  /** … and before this one. */
  readonly toAt: number;
  /** Those behind this place alone. */
  readonly after?: Pick<Place, 'startAt' | 'writer'> | undefined;
  /** The most that are answered. */
  readonly limit: number;
}

/** A store of rows. Each call is atomic by itself; nothing needs a transaction over several. */
export interface AnalyticsStore {
  /** Makes what it needs, such as a table. Called before the first use, and again after it failed. */
  start?(): MaybePromise<void>;
  /**
   * Writes rows, all of them or none. One that is there already is replaced by a higher revision,
   * and left alone by any other. What is written has not been rolled up.
   */
  put(rows: readonly Row[]): MaybePromise<void>;
  /** Rows in the order of their start, then of their writer. */
  read(range: ReadRange): MaybePromise<readonly Row[]>;
  /**
   * Writes a row if the one that is there has the revision `expected`; 0: if there is none. Says
   * whether it did, and has then marked each of `sources` that still has its revision as rolled
   * up. A row written with the revision it had stays rolled up, if it was.
   */
  replace(row: Row, expected: number, sources?: readonly Source[]): MaybePromise<boolean>;
  /** Beginnings of periods with rows of this tier and kind that are not rolled up, in order, at most `limit`. */
  unrolled(
    tier: Tier,
    kind: RowKind,
    periodMs: number,
    limit: number,
  ): MaybePromise<readonly number[]>;
  /** Takes away rows that start before a time, of minutes and hours those that are rolled up; says how many. */
  prune(tier: Tier, beforeAt: number, limit: number): MaybePromise<number>;
  /** Takes away one row. */
  remove(place: Place): MaybePromise<void>;
}
