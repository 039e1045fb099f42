/**
 * A store as the rest of the package uses it: started before its first use, and with a limit to
 * how long it may take. Whatever goes wrong comes out as one of core's two store errors.
 */
import { type Clock, hasCode, storeTimeout, storeUnavailable } from '@org/core';

import type { AnalyticsStore, ReadRange, Row } from './analytics-store.ts';

/** Rows that are read, and held, at once: of many busy endpoints one may have more than a megabyte. */
const PAGE = 50;
/** Text that is read in one go, in characters: some milliseconds of parsing and merging. */
const STINT = 256 * 1024;

export class GuardedStore {
  private readonly store: AnalyticsStore;
  private readonly timeoutMs: number;
  private readonly clock: Clock;
  private started: boolean = false;

  constructor(store: AnalyticsStore, timeoutMs: number, clock: Clock) {
    this.store = store;
    this.timeoutMs = timeoutMs;
    this.clock = clock;
  }

  /**
   * Makes a call of the store.
   * @throws ProblemError `ERR_STORE_TIMEOUT`, `ERR_STORE_UNAVAILABLE`
   */
  async call<T>(name: string, call: (store: AnalyticsStore) => T | Promise<T>): Promise<T> {
    if (!this.started && this.store.start !== undefined) {
      await this.within('start', () => this.store.start!());
    }
    this.started = true;
    return this.within(name, () => call(this.store));
  }

  /** Rows of a range, page by page; others get their turn between pages, and where rows are large. */
  async *rows(range: Omit<ReadRange, 'limit' | 'after'>): AsyncGenerator<Row> {
    let after: Row | undefined;
    let read = 0;
    for (;;) {
      const page = await this.call('read', (store) => store.read({ ...range, after, limit: PAGE }));
      for (const row of page) {
        yield row;
        read += row.payload.length;
        if (read < STINT) continue;
        read = 0;
        await othersTurn();
      }
      if (page.length < PAGE) return;
      after = page.at(-1);
      await othersTurn();
    }
  }

  private async within<T>(name: string, call: () => T | Promise<T>): Promise<T> {
    let cancel = (): void => undefined;
    const late = new Promise<never>((_resolve, reject) => {
      cancel = this.clock.after(this.timeoutMs, () => reject(storeTimeout(name, this.timeoutMs)));
    });
    try {
      return await Promise.race([call(), late]);
    } catch (error) {
      const told = hasCode(error, 'ERR_STORE_TIMEOUT') || hasCode(error, 'ERR_STORE_UNAVAILABLE');
      throw told ? error : storeUnavailable(name, error);
    } finally {
      cancel();
    }
  }
}

function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
