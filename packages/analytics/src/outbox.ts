/**
 * What is on its way to the store. Rows wait here until the store has them, and are sent again
 * until then: a row that arrives twice is there once. They wait for a bounded time and in
 * bounded memory; what is given up is counted, and the count itself is kept as soon as it can be.
 */
import { type Clock, report } from '@org/core';

import type { Row } from './analytics-store.ts';
import type { GuardedStore } from './guarded-store.ts';
import type { Minute, Recorder } from './recorder.ts';

export interface OutboxOptions {
  readonly maxPendingMs: number;
  readonly maxPendingBytes: number;
  readonly clock: Clock;
}

/** Minutes that are sent at once. */
const BATCH = 10;

interface Waiting {
  readonly minute: Minute;
  readonly bytes: number;
  /** Requests of this minute that the store has by an earlier sending. */
  readonly arrived: number;
}

export class Outbox {
  flushesTotal: number = 0;
  failuresTotal: number = 0;
  lostRequestsTotal: number = 0;
  pendingBytes: number = 0;
  /** When the store first failed, in ms since the epoch; absent while it works. */
  failingSinceAt: number | undefined = undefined;
  private readonly options: OutboxOptions;
  private readonly store: GuardedStore;
  private readonly recorder: Recorder;
  /** By the place of their first row, the oldest first. */
  private readonly waiting: Map<string, Waiting> = new Map();
  private lastArrived: { readonly key: string; readonly requests: number } | undefined;
  private running: Promise<unknown> = Promise.resolve();
  private queued: Promise<void> | undefined;

  constructor(options: OutboxOptions, store: GuardedStore, recorder: Recorder) {
    this.options = options;
    this.store = store;
    this.recorder = recorder;
  }

  /** Requests that the store does not have yet, those of the current minute since the last flush not among them. */
  get pendingRequests(): number {
    let sum = 0;
    for (const { minute, arrived } of this.waiting.values()) sum += minute.requests - arrived;
    return sum;
  }

  /** Takes what the recorder has, for the next flush. */
  collect(): void {
    // First, so that what is given up is told by the row that is collected now.
    this.giveUp();
    const minute = this.recorder.current();
    if (minute === undefined) return;
    const key = keyOf(minute.rows[0]!);
    const before = this.waiting.get(key);
    const arrived =
      before?.arrived ?? (this.lastArrived?.key === key ? this.lastArrived.requests : 0);
    const bytes = minute.rows.reduce((sum, { payload }) => sum + 2 * payload.length, 0);
    this.pendingBytes += bytes - (before?.bytes ?? 0);
    this.waiting.set(key, { minute, bytes, arrived });
  }

  /**
   * Sends all there is. Who asks while another flush is under way gets one that begins after it.
   * @throws ProblemError where the store fails; everything waits on then
   */
  flush(): Promise<void> {
    this.queued ??= this.running.then(() => {
      this.queued = undefined;
      const sending = this.send();
      this.running = sending.catch(() => undefined);
      return sending;
    });
    return this.queued;
  }

  private async send(): Promise<void> {
    this.collect();
    while (this.waiting.size > 0) {
      const batch = [...this.waiting].slice(0, BATCH);
      const rows = batch.flatMap(([, { minute }]) => minute.rows);
      try {
        await this.store.call('put', (store) => store.put(rows));
      } catch (error) {
        this.failed(error);
        throw error;
      }
      for (const [key, sent] of batch) this.arrived(key, sent);
    }
    this.flushesTotal++;
    this.failingSinceAt = undefined;
  }

  private arrived(key: string, sent: Waiting): void {
    const { requests } = sent.minute;
    this.lastArrived = { key, requests };
    const now = this.waiting.get(key);
    if (now === sent) {
      this.waiting.delete(key);
      this.pendingBytes -= sent.bytes;
    } else if (now !== undefined) {
      this.waiting.set(key, { ...now, arrived: requests });
    }
  }

  private failed(error: unknown): void {
    this.failuresTotal++;
    // Once for an outage: it would be the same each time.
    if (this.failingSinceAt === undefined) report(error, 'analytics flush');
    this.failingSinceAt ??= this.options.clock.now();
  }

  private giveUp(): void {
    const { maxPendingMs, maxPendingBytes, clock } = this.options;
    const oldestAt = clock.now() - maxPendingMs;
    for (const [key, { minute, bytes, arrived }] of this.waiting) {
      if (this.pendingBytes <= maxPendingBytes && minute.startAt >= oldestAt) return;
      // It is in memory anyhow, and would be collected, and lost, once more.
      if (this.recorder.isIn(minute)) continue;
      this.waiting.delete(key);
      this.pendingBytes -= bytes;
      this.lostRequestsTotal += minute.requests - arrived;
      this.recorder.lose(minute.requests - arrived + minute.lost);
    }
  }
}

function keyOf({ startAt, writer }: Row): string {
  return `${startAt} ${writer}`;
}
