/**
 * Taking a consumer out of what is kept. It is done twice: at once, and again when no instance can
 * hold anything from before any more. In between a note in the store has all of them leave that
 * consumer out, of what they read and of what they roll up.
 */
import type { Place, Row, RowTier } from './analytics-store.ts';
import type { GuardedStore } from './guarded-store.ts';
import { consumersIn, without } from './payloads.ts';
import { floorTo, MINUTE_MS, type Tier, TIER_MS } from './tiers.ts';

/** Somebody who was erased lately. */
export interface Noted {
  readonly id: string;
  readonly erasedAt: number;
}

/** What an erasure did, and what it could not do. */
export interface Erasure {
  /** Rows that told of the consumer. */
  readonly rows: number;
  /** Requests that they told of, at most. */
  readonly requests: number;
  /** What of the consumer's use remains, in words. */
  readonly remains: readonly string[];
}

const TIERS: readonly Tier[] = Object.freeze(['minute', 'hour', 'day']);
const EVER = Number.MAX_SAFE_INTEGER;

/** Whether a row can tell of the time before an erasure only; its minute is erased as a whole. */
function isBefore(row: Place, erasedAt: number): boolean {
  const lengthMs = TIER_MS[row.tier as Exclude<RowTier, 'control'>];
  return row.startAt + lengthMs <= floorTo(erasedAt, MINUTE_MS) + MINUTE_MS;
}

/** Who has to be left out of a row; nothing where that is nobody. */
export function erasedIn(noted: readonly Noted[], row: Place): ReadonlySet<string> | undefined {
  const ids = noted.filter(({ erasedAt }) => isBefore(row, erasedAt)).map(({ id }) => id);
  return ids.length === 0 ? undefined : new Set(ids);
}

/** By what two erasures are told apart. */
export function keyOf({ id, erasedAt }: Noted): string {
  return `${id} ${erasedAt}`;
}

/** What erasing cannot reach, in words. */
export function remainsOf(secrets: readonly string[]): readonly string[] {
  return [
    'Totals and the numbers of endpoints count its requests, and do not say whose they were.',
    'Estimates of how many consumers there were count it: nobody can be taken out of a sketch.',
    'Copies of the database, such as backups, are yours to erase.',
    ...(secrets.length > 0
      ? []
      : [
          'What other processes kept under random secrets of their own cannot be found; set "secret".',
        ]),
  ];
}

export class Erasures {
  private readonly store: GuardedStore;

  constructor(store: GuardedStore) {
    this.store = store;
  }

  /** Those that have been asked for and are not done for good. */
  async noted(): Promise<readonly Noted[]> {
    const noted: Noted[] = [];
    for await (const { writer, startAt } of this.store.rows(NOTES)) {
      noted.push({ id: writer, erasedAt: startAt });
    }
    return noted;
  }

  /** Has every instance leave these out of what was before. */
  async note(ids: readonly string[], erasedAt: number): Promise<void> {
    const rows = ids.map((id): Row => ({
      ...noteOf({ id, erasedAt }),
      revision: 1,
      payload: '{}',
    }));
    await this.store.call('put', (store) => store.put(rows));
  }

  /** Takes them out of all rows from before. */
  async sweep(
    ids: ReadonlySet<string>,
    erasedAt: number,
  ): Promise<{ readonly rows: number; readonly requests: number }> {
    let rows = 0;
    // Coarser rows tell of the same requests again, and of those whose finer ones are gone.
    let told = new Map<number, number>();
    for (const tier of TIERS) {
      const finer = sumBy(told, TIER_MS[tier]);
      told = new Map();
      const range = { tier, kind: 'consumers', fromAt: 0, toAt: erasedAt } as const;
      for await (const row of this.store.rows(range)) {
        if (!isBefore(row, erasedAt)) continue;
        const found = await this.takeOut(ids, row);
        if (found === 0) continue;
        rows++;
        told.set(row.startAt, (told.get(row.startAt) ?? 0) + found);
      }
      for (const [at, sum] of finer) told.set(at, Math.max(sum, told.get(at) ?? 0));
    }
    return { rows, requests: [...told.values()].reduce((sum, part) => sum + part, 0) };
  }

  /** Ends what nobody can hold any more. */
  async finish(noted: readonly Noted[], beforeAt: number): Promise<void> {
    const old = noted.filter(({ erasedAt }) => erasedAt < beforeAt);
    for (const erasedAt of new Set(old.map((note) => note.erasedAt))) {
      const notes = old.filter((note) => note.erasedAt === erasedAt);
      await this.sweep(new Set(notes.map(({ id }) => id)), erasedAt);
      for (const note of notes) {
        await this.store.call('remove', (store) => store.remove(noteOf(note)));
      }
    }
  }

  /** Writes a row without them; says of how many requests it told. Its revision stays: it is its writer's. */
  private async takeOut(ids: ReadonlySet<string>, row: Row): Promise<number> {
    const state = consumersIn(row, undefined);
    if (state === undefined) return 0;
    const found = state.hitters
      .filter(([id]) => ids.has(id))
      .reduce((sum, [, count]) => sum + count, 0);
    if (found === 0) return 0;
    const payload = JSON.stringify(without(state, ids));
    await this.store.call('replace', (store) => store.replace({ ...row, payload }, row.revision));
    return found;
  }
}

/** Numbers of periods, added up to those of longer ones. */
function sumBy(numbers: ReadonlyMap<number, number>, periodMs: number): Map<number, number> {
  const sums = new Map<number, number>();
  for (const [at, number] of numbers) {
    const period = floorTo(at, periodMs);
    sums.set(period, (sums.get(period) ?? 0) + number);
  }
  return sums;
}

const NOTES = { tier: 'control', kind: 'erasure', fromAt: 0, toAt: EVER } as const;

function noteOf({ id, erasedAt }: Noted): Place {
  return { tier: 'control', kind: 'erasure', startAt: erasedAt, writer: id };
}
