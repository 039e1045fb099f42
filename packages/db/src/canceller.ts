/**
 * Stops statements on the server, by `pg_cancel_backend` over a connection outside of the pool, which
 * may be full of what is to be stopped. One such connection at a time, for all that is waiting.
 */
import type { Clock } from '@org/core';

import type { PgPool } from './pg-pool.ts';
import { within } from './within.ts';

/** A single connection of `pg`. */
interface PgSingle {
  connect(): Promise<unknown>;
  query(config: { readonly text: string; readonly values: readonly unknown[] }): Promise<unknown>;
  end(): Promise<void>;
  on(event: 'error', listener: () => void): unknown;
  readonly connection?: { readonly stream?: { destroy(): void } };
}

type Making = PgPool & { readonly Client?: new (options: object) => PgSingle };

/** Stops what runs on connections of one pool. */
export class Canceller {
  private readonly pool: Making;
  private readonly clock: Clock;
  private readonly timeoutMs: number;
  private waiting: Map<number, (() => void)[]> = new Map();
  private working: Promise<void> | undefined = undefined;
  private closed: boolean = false;

  constructor(pool: PgPool, clock: Clock, timeoutMs: number) {
    this.pool = pool;
    this.clock = clock;
    this.timeoutMs = timeoutMs;
  }

  /** Resolves when the server has been told, or could not be told in time. */
  cancel(processId: number | undefined): Promise<void> {
    if (processId === undefined || this.pool.Client === undefined || this.closed) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const others = this.waiting.get(processId);
      if (others === undefined) this.waiting.set(processId, [resolve]);
      else others.push(resolve);
      this.begin();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    // oxlint-disable-next-line no-await-in-loop -- for those who came last it begins again
    while (this.working !== undefined) await this.working;
  }

  private begin(): void {
    this.working ??= this.work().finally(() => {
      this.working = undefined;
      // Somebody may have come just when it was over.
      if (this.waiting.size > 0) this.begin();
    });
  }

  private async work(): Promise<void> {
    const client = new this.pool.Client!(this.pool.options);
    client.on('error', () => undefined);
    const told: (() => void)[] = [];
    try {
      await within(this.clock, this.timeoutMs, this.tell(client, told), {
        error: () => new Error('The server did not answer in time.'),
      });
    } catch {
      // The statement's owner destroys its connection when it does not end.
      client.connection?.stream?.destroy();
      told.push(...[...this.waiting.values()].flat());
      this.waiting.clear();
    }
    void client.end().catch(() => undefined);
    for (const resolve of told) resolve();
  }

  private async tell(client: PgSingle, told: (() => void)[]): Promise<void> {
    await client.connect();
    while (this.waiting.size > 0) {
      const { waiting } = this;
      this.waiting = new Map();
      told.push(...[...waiting.values()].flat());
      // oxlint-disable-next-line no-await-in-loop -- whoever came meanwhile is told on the same connection
      await client.query({
        text: 'select pg_cancel_backend(pid) from unnest($1::int[]) as pid',
        values: [[...waiting.keys()]],
      });
      for (const resolve of told.splice(0)) resolve();
    }
  }
}
