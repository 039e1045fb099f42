/**
 * Statements of a pool or a client of `pg`, or of a PGlite, heard of from outside: its `query` is
 * replaced until the watch ends. Of a pool the clients that are taken from it are heard of, too.
 */
import { AsyncResource } from 'node:async_hooks';
import type { Clock, Exchange } from '@org/core';

import { type CallSite, callSite, lineOf } from './call-site.ts';
import type { QueryRecord } from './query-record.ts';

/** Something that is asked by `query(text, …)`, and answers by a promise or a last function. */
export interface Queryable {
  // oxlint-disable-next-line typescript/no-explicit-any -- theirs have many forms
  query(...args: any[]): unknown;
}

/** What hears of statements. */
export interface Listener {
  readonly clock: Clock;
  /** The request that something is asked for now. */
  exchange(): Exchange | undefined;
  /** A statement is asked for. @returns whether it is worth remembering from where */
  asks(exchange: Exchange | undefined, text: string): boolean;
  record(record: QueryRecord): void;
}

type Query = (this: unknown, ...args: unknown[]) => unknown;

/** As much of a pool of `pg` as has to be known. */
interface PoolLike extends Queryable {
  connect: Query;
  on(event: 'release', listener: (error: unknown, client: Queryable) => void): unknown;
  off(event: 'release', listener: (error: unknown, client: Queryable) => void): unknown;
}

/** @returns ends the watch */
export function watched(target: Queryable, listener: Listener): () => void {
  return isPool(target) ? watchPool(target, listener) : watchQuery(target, listener, () => true);
}

function isPool(target: Queryable): target is PoolLike {
  const { connect, on, totalCount } = target as Partial<PoolLike> & { totalCount?: unknown };
  return typeof connect === 'function' && typeof on === 'function' && totalCount !== undefined;
}

function watchPool(pool: PoolLike, listener: Listener): () => void {
  const taken = new WeakSet<object>();
  const clients = new Map<Queryable, () => void>();
  let isOwn = false;

  const take = (client: Queryable): void => {
    taken.add(client);
    if (!clients.has(client)) {
      clients.set(
        client,
        watchQuery(client, listener, () => taken.has(client)),
      );
    }
  };
  // Its own statements are heard of by its `query`, which takes a client for them.
  const endQuery = watchQuery(
    pool,
    listener,
    () => true,
    (run) => {
      isOwn = true;
      try {
        return run();
      } finally {
        isOwn = false;
      }
    },
  );
  const endConnect = replaced(
    pool,
    'connect',
    (connect) =>
      function (this: unknown, ...args) {
        if (isOwn) return connect.apply(this, args);
        const [callback] = args;
        if (typeof callback === 'function') {
          return connect.call(
            this,
            // Whoever waits for a client is called by the one who gives it back.
            AsyncResource.bind((error: unknown, client: Queryable | undefined, done: unknown) => {
              if (client !== undefined) take(client);
              (callback as Query)(error, client, done);
            }),
          );
        }
        return (connect.apply(this, args) as Promise<Queryable>).then((client) => {
          take(client);
          return client;
        });
      },
  );
  const released = (_error: unknown, client: Queryable): void => void taken.delete(client);
  const removed = (client: Queryable): void => {
    clients.get(client)?.();
    clients.delete(client);
  };
  pool.on('release', released);
  (pool as { on(event: string, heard: (client: Queryable) => void): unknown }).on(
    'remove',
    removed,
  );

  return () => {
    endQuery();
    endConnect();
    pool.off('release', released);
    (pool as { off(event: string, heard: (client: Queryable) => void): unknown }).off(
      'remove',
      removed,
    );
    for (const end of clients.values()) end();
    clients.clear();
  };
}

function watchQuery(
  target: Queryable,
  listener: Listener,
  isHeard: () => boolean,
  around: (run: () => unknown) => unknown = (run) => run(),
): () => void {
  return replaced(
    target,
    'query',
    (query) =>
      function observed(this: unknown, ...args) {
        const text = textOf(args[0]);
        if (text === undefined || !isHeard()) return around(() => query.apply(this, args));
        const exchange = listener.exchange();
        const site = listener.asks(exchange, text) ? callSite(observed) : undefined;
        const startMs = listener.clock.monotonicMs();
        const ended = (error: unknown, result: unknown): void =>
          listener.record(
            new Ended(exchange, text, listener.clock.monotonicMs() - startMs, result, error, site),
          );

        const last = args.length - 1;
        const callback = args[last];
        if (typeof callback === 'function') {
          args[last] = AsyncResource.bind((error: unknown, result: unknown): void => {
            ended(error ?? undefined, result);
            (callback as Query)(error, result);
          });
          return around(() => query.apply(this, args));
        }
        const answer = around(() => query.apply(this, args));
        if (isThenable(answer)) {
          answer.then(
            (result) => ended(undefined, result),
            (error: unknown) => ended(error ?? new Error('failed'), undefined),
          );
        } else {
          // A stream or a cursor: when it ends is its reader's to say.
          listener.record({
            exchange,
            text,
            durationMs: Number.NaN,
            callSite: site && lineOf(site),
          });
        }
        return answer;
      },
  );
}

/** A record whose line is looked up when it is read. */
class Ended implements QueryRecord {
  readonly exchange: Exchange | undefined;
  readonly text: string;
  readonly durationMs: number;
  readonly rows: number | undefined;
  readonly error: unknown;
  private readonly site: CallSite | undefined;

  constructor(
    exchange: Exchange | undefined,
    text: string,
    durationMs: number,
    result: unknown,
    error: unknown,
    site: CallSite | undefined,
  ) {
    this.exchange = exchange;
    this.text = text;
    this.durationMs = durationMs;
    this.rows = rowsOf(result);
    this.error = error;
    this.site = site;
  }

  get callSite(): string | undefined {
    return this.site === undefined ? undefined : lineOf(this.site);
  }
}

/** Puts a method in the place of another one, on this object alone. @returns puts it back */
function replaced(target: object, name: string, make: (original: Query) => Query): () => void {
  const holder = target as Record<string, Query>;
  const isOwn = Object.hasOwn(holder, name);
  const original = holder[name]!;
  const made = make(original);
  holder[name] = made;
  return () => {
    // Somebody may have done the same after us.
    if (holder[name] !== made) return;
    if (isOwn) holder[name] = original;
    else delete holder[name];
  };
}

function textOf(asked: unknown): string | undefined {
  const text: unknown =
    typeof asked === 'object' && asked !== null
      ? (asked as { readonly text?: unknown }).text
      : asked;
  return typeof text === 'string' ? text : undefined;
}

/** `rowCount` of `pg`, `affectedRows` of PGlite, and the rows themselves. */
function rowsOf(result: unknown): number | undefined {
  if (typeof result !== 'object' || result === null) return undefined;
  const { rowCount, affectedRows, rows } = result as Record<string, unknown>;
  if (typeof rowCount === 'number') return rowCount;
  if (Array.isArray(rows) && rows.length > 0) return rows.length;
  return typeof affectedRows === 'number' ? affectedRows : undefined;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}
