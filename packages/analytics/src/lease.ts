/**
 * Who of several instances rolls up: whoever has the lease. It saves work, and nothing depends on
 * it: two at once would find that the other one had been there.
 */
import type { Clock } from '@org/core';

import type { Place, Row } from './analytics-store.ts';
import type { GuardedStore } from './guarded-store.ts';

/** A holder that does not come back is replaced after this time. */
const LEASE_MS = 150_000;

const PLACE: Place = Object.freeze({
  tier: 'control',
  kind: 'lease',
  startAt: 0,
  writer: 'roll-up',
});

interface Held {
  readonly holder: string;
  readonly untilAt: number;
}

export class Lease {
  private readonly store: GuardedStore;
  private readonly holder: string;
  private readonly clock: Clock;
  /** It has been ours: a store that was never asked needs not be, to be told of its end. */
  private taken: boolean = false;

  constructor(store: GuardedStore, holder: string, clock: Clock) {
    this.store = store;
    this.holder = holder;
    this.clock = clock;
  }

  /** Takes the lease, or keeps it; says whether it is ours now. */
  async take(): Promise<boolean> {
    const row = await this.read();
    const now = this.clock.now();
    const held = heldIn(row);
    if (held !== undefined && held.holder !== this.holder && held.untilAt > now) return false;
    this.taken = true;
    return this.write(row, now + LEASE_MS);
  }

  /** Gives it back, so that nobody has to wait for its end. */
  async release(): Promise<void> {
    if (!this.taken) return;
    const row = await this.read();
    if (heldIn(row)?.holder === this.holder) await this.write(row, 0);
  }

  private async read(): Promise<Row | undefined> {
    const { tier, kind } = PLACE;
    const range = { tier, kind, fromAt: 0, toAt: 1, limit: 1 };
    const [row] = await this.store.call('read', (store) => store.read(range));
    return row;
  }

  private write(row: Row | undefined, untilAt: number): Promise<boolean> {
    const expected = row?.revision ?? 0;
    const payload = JSON.stringify({ holder: this.holder, untilAt } satisfies Held);
    const next: Row = { ...PLACE, revision: expected + 1, payload };
    return this.store.call('replace', (store) => store.replace(next, expected));
  }
}

function heldIn(row: Row | undefined): Held | undefined {
  return row === undefined ? undefined : (JSON.parse(row.payload) as Held);
}
