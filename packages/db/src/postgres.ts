/**
 * Connections to a Postgres server, from a `pg` pool: one of yours, which stays yours, or one that is
 * made of an address. The pool's own listener covers idle connections only, so that each connection
 * gets one of its own: an error that nobody listens for would end the process with the database.
 */
import {
  type Check,
  type Checks,
  durationMs,
  func,
  type Given,
  integer,
  MAX_DELAY_MS,
  OptionError,
  report,
  resolveOptions,
  shape,
  text,
} from '@org/core';

import { Canceller } from './canceller.ts';
import type {
  Asker,
  Connection,
  ConnectionSource,
  Driver,
  DriverSettings,
  QueryResult,
  Statement,
} from './driver.ts';
import { busy, closedDatabase, isLost, unavailable } from './database-errors.ts';
import { describeHolder } from './holder.ts';
import type { PgClient, PgPool, PgPoolConstructor } from './pg-pool.ts';
import { within } from './within.ts';
import { WatchedClient } from './pool-watch.ts';

/** How a pool is made. */
export interface PostgresOptions {
  /** The server's address: `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** Connections at most. @default 10 */
  readonly max: number;
  /** How long a connection may be idle until it is closed, in ms; 0: for ever. @default 10_000 */
  readonly idleTimeoutMs: number;
  /** How long a connection lives at most, in ms; 0: for ever. @default 0 */
  readonly maxLifetimeMs: number;
  /** What the server calls these connections. @default "express" */
  readonly applicationName: string;
  /** TLS, as `pg` takes it. @default what the address says */
  readonly ssl: boolean | object | undefined;
  /** The `Pool` of your `pg`. @default that of the installed one, loaded at the first connection */
  readonly Pool: PgPoolConstructor | undefined;
}

export const POSTGRES_DEFAULTS: Readonly<Omit<PostgresOptions, 'url'>> = Object.freeze({
  max: 10,
  idleTimeoutMs: 10_000,
  maxLifetimeMs: 0,
  applicationName: 'express',
  ssl: undefined,
  Pool: undefined,
});

/** The pool gives up on its own time limit after ours, which says more. */
const GRACE_MS = 2000;

const ssl: Check<boolean | object> = {
  expected: 'true, false or options of TLS',
  accepts: (value): value is boolean | object =>
    typeof value === 'boolean' || (typeof value === 'object' && value !== null),
};

const CHECKS: Checks<PostgresOptions> = {
  url: text({
    expected: 'an address such as "postgres://user:password@host/database"',
    pattern: /^postgres(?:ql)?:\/\//,
  }),
  max: integer({ min: 1, max: 10_000 }),
  idleTimeoutMs: durationMs(),
  maxLifetimeMs: durationMs(),
  applicationName: text(),
  ssl,
  Pool: func<PgPoolConstructor>(),
};

const POOL = shape<PgPool>('a pool', ['connect', 'on', 'end']);

/**
 * A driver over a `pg` pool, or over one that is made of options.
 * @throws OptionError for what is neither, and for unknown or wrong options
 */
export function postgres(
  given: PgPool | (Given<PostgresOptions> & Pick<PostgresOptions, 'url'>),
): Driver {
  if (POOL.accepts(given)) {
    return { name: 'postgres', open: (settings) => new PostgresSource(settings, given) };
  }
  const options = resolveOptions<Partial<PostgresOptions>>(
    'postgres',
    POSTGRES_DEFAULTS,
    CHECKS,
    given,
  );
  if (options.url === undefined) {
    throw new OptionError('postgres', [`option "url" is needed, and is ${CHECKS.url.expected}.`]);
  }
  return {
    name: 'postgres',
    open: (settings) => new PostgresSource(settings, undefined, options as PostgresOptions),
  };
}

/** Connections of one pool. */
class PostgresSource implements ConnectionSource {
  private readonly settings: DriverSettings;
  private readonly options: PostgresOptions | undefined;
  private pool: PgPool | undefined = undefined;
  private making: Promise<PgPool> | undefined = undefined;
  private canceller: Canceller | undefined = undefined;
  private readonly known: WeakMap<PgClient, WatchedClient> = new WeakMap();
  private readonly checkedOut: Set<PgClient> = new Set();
  private readonly undo: (() => void)[] = [];
  private closed: boolean = false;

  constructor(settings: DriverSettings, pool: PgPool | undefined, options?: PostgresOptions) {
    this.settings = settings;
    this.options = options;
    settings.watch?.watch(this);
    if (pool !== undefined) this.pool = this.listen(pool);
  }

  get capacity(): number {
    return this.pool?.options.max ?? this.options?.max ?? 10;
  }

  get size(): number {
    return this.pool?.totalCount ?? 0;
  }

  get idle(): number {
    return this.pool?.idleCount ?? 0;
  }

  get waiting(): number {
    return this.pool?.waitingCount ?? 0;
  }

  async acquire(asker: Asker): Promise<Connection> {
    const pool = this.pool ?? (await this.make());
    if (this.closed) throw closedDatabase();
    const { watch, maxWaiting } = this.settings;
    if (pool.waitingCount >= maxWaiting) {
      throw busy(`${pool.waitingCount} wait for a connection already, which is as many as may.`);
    }
    const client = await this.connect(pool);
    const watched = this.known.get(client)!;
    watch?.claim(watched, asker);
    return new PgConnection(client, this.canceller!);
  }

  async close(signal?: AbortSignal): Promise<void> {
    this.closed = true;
    const pool = this.pool ?? (await this.making?.catch(() => undefined));
    await this.canceller?.close();
    if (pool !== undefined && this.options !== undefined) await this.end(pool, signal);
    for (const undo of this.undo.splice(0)) undo();
  }

  /** Of connections that nobody gives back the pool would wait for ever. */
  private async end(pool: PgPool, signal: AbortSignal | undefined): Promise<void> {
    const { clock, cancelTimeoutMs } = this.settings;
    const ended = pool.end();
    const cut = (): void => {
      for (const client of this.checkedOut) this.takeAway(client);
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
    if (!timedOut || this.checkedOut.size < this.capacity) {
      return unavailable(cause ?? new Error(`no connection within ${acquireTimeoutMs} ms`));
    }
    return busy(
      `No connection was free within ${acquireTimeoutMs} ms: all ${this.capacity} are in use. ${describeHolder(watch, 'The longest is')}`,
    );
  }

  private make(): Promise<PgPool> {
    return (this.making ??= this.makePool().catch((error: unknown) => {
      this.making = undefined;
      throw error;
    }));
  }

  private async makePool(): Promise<PgPool> {
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
    return (this.pool = this.listen(pool));
  }

  /** Hears what the pool does; all of it is taken away again at the end. */
  private listen(pool: PgPool): PgPool {
    const { clock, cancelTimeoutMs } = this.settings;
    this.canceller = new Canceller(pool, clock, cancelTimeoutMs);
    const on = (event: string, listener: (...given: never[]) => void): void => {
      pool.on(event, listener as never);
      this.undo.push(() => pool.off(event, listener as never));
    };
    // This one stays for good: connections that are closing may still fail.
    pool.on('error', ((error: Error) => {
      this.settings.watch?.idleError(error);
      if (!this.closed) report(error, 'idle database connection');
    }) as never);
    on('connect', (client: PgClient) => this.meet(client));
    on('acquire', (client: PgClient) => {
      const watched = this.known.get(client) ?? this.meet(client);
      this.checkedOut.add(client);
      this.settings.watch?.taken(watched);
    });
    on('release', (_error: unknown, client: PgClient) => this.givenBack(client));
    on('remove', (client: PgClient) => this.givenBack(client));
    this.timeWaits(pool);
    return pool;
  }

  private givenBack(client: PgClient): void {
    this.checkedOut.delete(client);
    const watched = this.known.get(client);
    if (watched !== undefined) this.settings.watch?.returned(watched);
  }

  /** A connection that is seen for the first time: it gets its listener, and its statements are noted. */
  private meet(client: PgClient): WatchedClient {
    const { watch } = this.settings;
    const watched = new WatchedClient(
      () => client.readyForQuery === false,
      () => this.takeAway(client),
    );
    this.known.set(client, watched);
    // A statement under way gets the error too, and passes it on; this one is for the silence after.
    client.on('error', ignore);
    if (watch === undefined) return watched;
    const { query } = client;
    const noted: PgClient['query'] = function (this: PgClient, config, ...more) {
      watch.queried(watched, typeof config === 'string' ? config : config?.text);
      return query.call(this, config, ...more);
    };
    client.query = noted;
    this.undo.push(() => {
      if (client.query === noted) client.query = query;
    });
    return watched;
  }

  /** The one thing that no event tells is when a connection was asked for. */
  private timeWaits(pool: PgPool): void {
    const { watch, clock } = this.settings;
    if (watch === undefined) return;
    const { connect } = pool;
    const own = Object.hasOwn(pool, 'connect');
    const { known } = this;
    type Callback = (error: Error | undefined, client?: PgClient, ...more: unknown[]) => void;
    const timed = function (callback?: Callback): unknown {
      const askedMs = clock.monotonicMs();
      const site = watch.site(timed);
      const waited = (client: PgClient | undefined): void => {
        const watched = client === undefined ? undefined : known.get(client);
        if (watched !== undefined) watch.waited(watched, askedMs, site);
      };
      if (callback === undefined) {
        return connect.call(pool).then((client) => {
          waited(client);
          return client;
        });
      }
      const told: Callback = (error, client, ...more) => {
        waited(client);
        callback(error, client, ...more);
      };
      return (connect as (callback: Callback) => void).call(pool, told);
    };
    pool.connect = timed as PgPool['connect'];
    this.undo.push(() => {
      if (own) pool.connect = connect;
      else Reflect.deleteProperty(pool, 'connect');
    });
  }

  /** Destroys a connection in somebody's hands; when that somebody gives it back, nothing happens. */
  private takeAway(client: PgClient): void {
    const { release } = client;
    client.release = ignore;
    release.call(client, true);
  }
}

/** A connection of the pool in a session's hands. */
class PgConnection implements Connection {
  private readonly client: PgClient;
  private readonly canceller: Canceller;
  private released: boolean = false;

  constructor(client: PgClient, canceller: Canceller) {
    this.client = client;
    this.canceller = canceller;
  }

  async run({ text: sql, values, rowMode, types, name }: Statement): Promise<QueryResult<never>> {
    const result = await this.client.query({
      text: sql,
      ...(values === undefined || values.length === 0 ? {} : { values }),
      ...(rowMode === undefined ? {} : { rowMode }),
      ...(types === undefined ? {} : { types }),
      ...(name === undefined ? {} : { name }),
    });
    return result as QueryResult<never>;
  }

  script(sql: string): Promise<unknown> {
    return this.client.query({ text: sql });
  }

  cancel(): Promise<void> {
    return this.canceller.cancel(this.client.processID);
  }

  release(destroy: boolean): void {
    if (this.released) return;
    this.released = true;
    this.client.release(destroy);
  }
}

async function installedPool(): Promise<PgPoolConstructor> {
  const module = (await import('pg')) as unknown as {
    readonly Pool?: PgPoolConstructor;
    readonly default?: { readonly Pool: PgPoolConstructor };
  };
  return (module.default?.Pool ?? module.Pool)!;
}

function ignore(): void {
  // On purpose.
}
