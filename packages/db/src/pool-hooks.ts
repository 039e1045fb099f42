/**
 * What is heard of a `pg` pool from outside. Its events tell most. Replaced are its `connect`, because
 * no event tells when a connection was asked for, and `query` of each client, for the last statement;
 * both are put back at the end.
 */
import { type Clock, report } from '@org/core';

import type { PgClient, PgPool } from './pg-pool.ts';
import type { PoolWatch } from './pool-watch.ts';
import { WatchedClient } from './watched-client.ts';

type Marked = PgClient & { readonly [mark: symbol]: WatchedClient | undefined };
type ConnectCallback = (error: Error | undefined, client?: PgClient, done?: unknown) => void;

/** The hooks on one pool. */
export class PoolHooks {
  private readonly pool: PgPool;
  private readonly watch: PoolWatch | undefined;
  /** Where each client has what is known of it; a map would have to look for it. */
  private readonly mark: symbol = Symbol('watched');
  /** What puts each client that lives back as it was. */
  private readonly restores: Map<PgClient, () => void> = new Map();
  private readonly undo: (() => void)[] = [];
  private ended: boolean = false;

  constructor(pool: PgPool, watch: PoolWatch | undefined, clock: Clock) {
    this.pool = pool;
    this.watch = watch;
    // This one stays for good: connections that are closing may still fail.
    pool.on('error', ((error: Error) => this.idleError(error)) as never);
    this.on('connect', (client: PgClient) => this.meet(client));
    this.on('acquire', (client: PgClient) => this.taken(client));
    this.on('release', (_error: unknown, client: PgClient) => this.givenBack(client));
    this.on('remove', (client: PgClient) => {
      this.givenBack(client);
      this.restores.delete(client);
    });
    if (watch !== undefined) this.timeWaits(watch, clock);
  }

  watched(client: PgClient): WatchedClient | undefined {
    return (client as Marked)[this.mark];
  }

  /** Connections that somebody has. */
  get checkedOut(): readonly PgClient[] {
    return [...this.restores.keys()].filter((client) => this.watched(client)?.taken === true);
  }

  /** Destroys a connection in somebody's hands; when that somebody gives it back, nothing happens. */
  takeAway(client: PgClient): void {
    const { release } = client;
    client.release = ignore;
    release.call(client, true);
  }

  end(): void {
    this.ended = true;
    for (const undo of this.undo.splice(0)) undo();
    for (const restore of this.restores.values()) restore();
    this.restores.clear();
  }

  private on(event: string, listener: (...given: never[]) => void): void {
    this.pool.on(event, listener as never);
    this.undo.push(() => this.pool.off(event, listener as never));
  }

  private idleError(error: Error): void {
    if (this.ended) return;
    this.watch?.idleError(error);
    report(error, 'idle database connection');
  }

  private taken(client: PgClient): void {
    const watched = this.watched(client) ?? this.meet(client);
    watched.taken = true;
    this.watch?.taken(watched);
  }

  private givenBack(client: PgClient): void {
    const watched = this.watched(client);
    if (watched === undefined) return;
    watched.taken = false;
    this.watch?.returned(watched);
  }

  /** One that is seen for the first time: it gets its listener, and its statements are noted. */
  private meet(client: PgClient): WatchedClient {
    const watched = new WatchedClient(
      () => client.readyForQuery === false,
      () => this.takeAway(client),
    );
    Object.defineProperty(client, this.mark, { value: watched, configurable: true });
    // A statement under way gets the error too, and passes it on; this one is for the silence after.
    client.on('error', ignore);
    const putBack =
      this.watch === undefined ? ignore : this.noteStatements(client, watched, this.watch);
    this.restores.set(client, () => {
      putBack();
      Reflect.deleteProperty(client, this.mark);
    });
    return watched;
  }

  /** Answers what puts its `query` back. */
  private noteStatements(client: PgClient, watched: WatchedClient, watch: PoolWatch): () => void {
    const { query } = client;
    const noted: PgClient['query'] = function (this: PgClient, config, values, callback) {
      watch.queried(watched, typeof config === 'string' ? config : config?.text);
      return query.call(this, config, values, callback);
    };
    client.query = noted;
    return () => {
      // Somebody else may have replaced it since.
      if (client.query === noted) client.query = query;
    };
  }

  private timeWaits(watch: PoolWatch, clock: Clock): void {
    const { pool, mark } = this;
    const { connect } = pool;
    const own = Object.hasOwn(pool, 'connect');
    const timed = function (callback?: ConnectCallback): unknown {
      const askedMs = clock.monotonicMs();
      const site = watch.site(timed);
      if (callback === undefined) {
        return connect.call(pool).then((client) => {
          const watched = (client as Marked)[mark];
          if (watched !== undefined) watch.waited(watched, askedMs, site);
          return client;
        });
      }
      const told: ConnectCallback = (error, client, done) => {
        const watched = (client as Marked | undefined)?.[mark];
        if (watched !== undefined) watch.waited(watched, askedMs, site);
        callback(error, client, done);
      };
      return (connect as (callback: ConnectCallback) => void).call(pool, told);
    };
    pool.connect = timed as PgPool['connect'];
    this.undo.push(() => {
      // Somebody else may have replaced it since.
      if (pool.connect !== timed) return;
      if (own) pool.connect = connect;
      else Reflect.deleteProperty(pool, 'connect');
    });
  }
}

function ignore(): void {
  // On purpose.
}
