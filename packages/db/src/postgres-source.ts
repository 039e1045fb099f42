/**
 * Connections to a Postgres server, out of one `pg` pool: within a time limit, with the holder named
 * where it is over, and told apart whether others were in the way or the server was not there.
 */
import { MAX_DELAY_MS } from '@org/core';

import { Canceller } from './canceller.ts';
import { busy, closedDatabase, isLost, unavailable } from './database-errors.ts';
import type { Asker, Connection, ConnectionSource, DriverSettings } from './driver.ts';
import { describeHolder } from './holder.ts';
import { PgConnection } from './pg-connection.ts';
import type { PgClient, PgPool, PgPoolConstructor } from './pg-pool.ts';
import { PoolHooks } from './pool-hooks.ts';
import type { PostgresOptions } from './postgres.ts';
import { within } from './within.ts';

/** The pool gives up on its own time limit after ours, which says more. */
const GRACE_MS = 2000;

/** A pool that is at work. */
interface Opened {
  readonly pool: PgPool;
  readonly hooks: PoolHooks;
  readonly canceller: Canceller;
}

/** Connections of one pool. */
export class PostgresSource implements ConnectionSource {
  private readonly settings: DriverSettings;
  private readonly options: PostgresOptions | undefined;
  private opened: Opened | undefined = undefined;
  private opening: Promise<Opened> | undefined = undefined;
  private closed: boolean = false;

  /** @param options of which a pool is made at the first connection, where none is given */
  constructor(settings: DriverSettings, pool: PgPool | undefined, options?: PostgresOptions) {
    this.settings = settings;
    this.options = options;
    settings.watch?.watch(this);
    if (pool !== undefined) this.use(pool);
  }

  get capacity(): number {
    return this.opened?.pool.options.max ?? this.options?.max ?? 10;
  }

  get size(): number {
    return this.opened?.pool.totalCount ?? 0;
  }

  get idle(): number {
    return this.opened?.pool.idleCount ?? 0;
  }

  get waiting(): number {
    return this.opened?.pool.waitingCount ?? 0;
  }

  async acquire(asker: Asker): Promise<Connection> {
    const { pool, hooks, canceller } = this.opened ?? (await this.open());
    if (this.closed) throw closedDatabase();
    const { watch, maxWaiting } = this.settings;
    if (pool.waitingCount >= maxWaiting) {
      throw busy(`${pool.waitingCount} wait for a connection already, which is as many as may.`);
    }
    const client = await this.connect(pool);
    const watched = hooks.watched(client);
    if (watched !== undefined) watch?.claim(watched, asker);
    return new PgConnection(client, canceller);
  }

  async close(signal?: AbortSignal): Promise<void> {
    this.closed = true;
    const opened = this.opened ?? (await this.opening?.catch(() => undefined));
    if (opened === undefined) return;
    await opened.canceller.close();
    // A pool that was given stays its owner's.
    if (this.options !== undefined) await this.end(opened, signal);
    opened.hooks.end();
  }

  /** Of connections that nobody gives back the pool would wait for ever. */
  private async end({ pool, hooks }: Opened, signal: AbortSignal | undefined): Promise<void> {
    const { clock, cancelTimeoutMs } = this.settings;
    const ended = pool.end();
    const cut = (): void => {
      for (const client of hooks.checkedOut) hooks.takeAway(client);
    };
    const cancel = clock.after(cancelTimeoutMs, cut);
    if (signal?.aborted === true) cut();
    signal?.addEventListener('abort', cut, { once: true });
    await ended;
    cancel();
    signal?.removeEventListener('abort', cut);
  }

  private async connect(pool: PgPool): Promise<PgClient> {
    const { clock, acquireTimeoutMs } = this.settings;
    try {
      // One that is idle comes at once, and needs no timer.
      if (pool.idleCount > pool.waitingCount) return await pool.connect();
      return await within(clock, acquireTimeoutMs, pool.connect(), {
        late: (client) => client.release(),
        error: () => this.waitedInVain(),
      });
    } catch (error) {
      if (isLost(error)) throw this.waitedInVain(error);
      throw error;
    }
  }

  /** Whoever waited while all were in use waited for those who have them; otherwise for the server. */
  private waitedInVain(cause?: unknown): Error {
    const { acquireTimeoutMs, watch } = this.settings;
    const timedOut = cause === undefined || (cause as Error).message.startsWith('timeout exceeded');
    if (!timedOut || (this.opened?.hooks.checkedOut.length ?? 0) < this.capacity) {
      return unavailable(cause ?? new Error(`no connection within ${acquireTimeoutMs} ms`));
    }
    return busy(
      `No connection was free within ${acquireTimeoutMs} ms: all ${this.capacity} are in use. ${describeHolder(watch, 'The longest is')}`,
    );
  }

  private open(): Promise<Opened> {
    return (this.opening ??= this.make().catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    }));
  }

  private use(pool: PgPool): Opened {
    const { watch, clock, cancelTimeoutMs } = this.settings;
    const hooks = new PoolHooks(pool, watch, clock);
    return (this.opened = { pool, hooks, canceller: new Canceller(pool, clock, cancelTimeoutMs) });
  }

  private async make(): Promise<Opened> {
    const options = this.options!;
    const { acquireTimeoutMs, statementTimeoutMs, idleInTransactionTimeoutMs } = this.settings;
    const Pool = options.Pool ?? (await installedPool());
    const pool = new Pool({
      connectionString: options.url,
      max: options.max,
      application_name: options.applicationName,
      connectionTimeoutMillis: Math.min(MAX_DELAY_MS, acquireTimeoutMs + GRACE_MS),
      idleTimeoutMillis: options.idleTimeoutMs,
      maxLifetimeSeconds: Math.ceil(options.maxLifetimeMs / 1000),
      statement_timeout: statementTimeoutMs,
      // A server that hangs does not keep its own limit.
      query_timeout:
        statementTimeoutMs === 0 ? 0 : Math.min(MAX_DELAY_MS, statementTimeoutMs + GRACE_MS),
      idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
      keepAlive: true,
      ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
    });
    return this.use(pool);
  }
}

async function installedPool(): Promise<PgPoolConstructor> {
  const module = (await import('pg')) as unknown as {
    readonly Pool?: PgPoolConstructor;
    readonly default?: { readonly Pool: PgPoolConstructor };
  };
  return (module.default?.Pool ?? module.Pool)!;
}
