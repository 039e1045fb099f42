/**
 * What all sessions of one database share: where connections come from, time, chance, and counts. It
 * also sees when everybody who has a connection waits for another one.
 */
import type { CallSite, Clock, Exchange, Stats } from '@org/core';

import { stackOf } from './call-site.ts';
import { closedDatabase, selfDeadlock } from './database-errors.ts';
import type { ConnectionSource, QueryResult, Statement } from './driver.ts';
import { Lease } from './lease.ts';
import { QueryEvents } from './query-events.ts';

/** Whoever asks for a connection: a transaction, or a statement alone. */
export interface Claimant {
  readonly exchange: Exchange | undefined;
  /** Where it began, where somebody looked. */
  readonly site: CallSite | undefined;
  /** A transaction that has a connection, and goes on only when this one is through. */
  readonly within?: Claimant | undefined;
}

export interface EngineSettings {
  readonly clock: Clock;
  readonly random: () => number;
  readonly cancelTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
}

/** A statement on its way, with the place that asked for it. */
export interface Asked {
  readonly statement: Statement;
  readonly site: CallSite | undefined;
}

/** One database at work. */
export class Engine {
  readonly settings: EngineSettings;
  readonly events: QueryEvents = new QueryEvents();
  readonly counts = {
    queries: 0,
    failedQueries: 0,
    cancelled: 0,
    begun: 0,
    committed: 0,
    rolledBack: 0,
    retried: 0,
    active: 0,
    commitUnknown: 0,
  };
  /** When a statement succeeded last, in monotonic ms. */
  answeredMs: number = Number.NEGATIVE_INFINITY;
  private readonly source: ConnectionSource;
  /** Those who have a connection, and wait for others to get one: how many, each. */
  private readonly stuck: Map<Claimant, number> = new Map();
  private closed: boolean = false;

  constructor(settings: EngineSettings, source: ConnectionSource) {
    this.settings = settings;
    this.source = source;
  }

  /**
   * Takes a connection.
   * @throws ProblemError `ERR_SELF_DEADLOCK` where it could never come
   */
  async lease(claimant: Claimant): Promise<Lease> {
    if (this.closed) throw closedDatabase();
    const { within } = claimant;
    if (within === undefined) return this.take(claimant);
    this.stick(within, 1);
    try {
      if (this.stuck.size >= this.source.capacity && this.source.idle === 0) {
        throw selfDeadlock(stackOf(within.site), stackOf(claimant.site));
      }
      return await this.take(claimant);
    } finally {
      this.stick(within, -1);
    }
  }

  /** Runs a statement, counts it, and tells of it. */
  async run(lease: Lease, asked: Asked, exchange?: Exchange): Promise<QueryResult<never>> {
    const { statement, site } = asked;
    const { clock } = this.settings;
    const startMs = clock.monotonicMs();
    this.counts.queries++;
    try {
      const result = await lease.run(statement);
      this.answeredMs = clock.monotonicMs();
      if (this.events.listening) {
        this.tell(exchange, statement, startMs, result.rowCount, undefined, site);
      }
      return result;
    } catch (error) {
      this.counts.failedQueries++;
      if (this.events.listening) this.tell(exchange, statement, startMs, 0, error, site);
      throw error;
    }
  }

  get open(): boolean {
    return !this.closed;
  }

  stats(): Stats {
    const { counts } = this;
    return {
      queriesTotal: counts.queries,
      failedQueriesTotal: counts.failedQueries,
      cancelledTotal: counts.cancelled,
      transactions: {
        active: counts.active,
        begunTotal: counts.begun,
        committedTotal: counts.committed,
        rolledBackTotal: counts.rolledBack,
        retriedTotal: counts.retried,
        commitUnknownTotal: counts.commitUnknown,
      },
    };
  }

  async close(signal?: AbortSignal): Promise<void> {
    this.closed = true;
    await this.source.close(signal);
  }

  /** One more, or one less, waits that this one and all around it wait for. */
  private stick(holder: Claimant, by: 1 | -1): void {
    for (let at: Claimant | undefined = holder; at !== undefined; at = at.within) {
      const count = (this.stuck.get(at) ?? 0) + by;
      if (count === 0) this.stuck.delete(at);
      else this.stuck.set(at, count);
    }
  }

  private async take({ exchange, site }: Claimant): Promise<Lease> {
    const connection = await this.source.acquire({ exchange, site });
    const { clock, cancelTimeoutMs } = this.settings;
    return new Lease(connection, clock, cancelTimeoutMs);
  }

  private tell(
    exchange: Exchange | undefined,
    { text }: Statement,
    startMs: number,
    rows: number,
    error: unknown,
    site: CallSite | undefined,
  ): void {
    const durationMs = this.settings.clock.monotonicMs() - startMs;
    this.events.tell({ exchange, text, durationMs, rows, error }, site, this.run);
  }
}
