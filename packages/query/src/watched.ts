/**
 * Statements of a pool or a client of `pg`, or of a PGlite, heard of from outside: its `query` is
 * replaced until the watch ends. Of a pool the clients that are taken from it are heard of, too.
 */
import { AsyncResource } from 'node:async_hooks';

import { type Method, replaced } from './replaced.ts';
import { type Listener, type Queryable, watchQuery } from './watched-query.ts';

/** As much of a pool of `pg` as has to be known. */
interface PoolLike extends Queryable {
  connect: Method;
  on(event: 'release', heard: (error: unknown, client: Queryable) => void): unknown;
  on(event: 'remove', heard: (client: Queryable) => void): unknown;
  off(event: 'release', heard: (error: unknown, client: Queryable) => void): unknown;
  off(event: 'remove', heard: (client: Queryable) => void): unknown;
}

/** @returns ends the watch */
export function watched(target: Queryable, listener: Listener): () => void {
  if (isPool(target)) return watchPool(target, listener);
  const endQuery = watchQuery(target, listener);
  const endTransactions = watchTransactions(target, listener);
  return () => {
    endQuery();
    endTransactions();
  };
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
              (callback as Method)(error, client, done);
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
  pool.on('remove', removed);

  return () => {
    endQuery();
    endConnect();
    pool.off('release', released);
    pool.off('remove', removed);
    for (const end of clients.values()) end();
    clients.clear();
  };
}

/** Of a PGlite: what its transactions ask goes by a `query` of their own. */
function watchTransactions(target: Queryable, listener: Listener): () => void {
  if (typeof (target as { readonly transaction?: unknown }).transaction !== 'function') {
    return () => undefined;
  }
  return replaced(
    target,
    'transaction',
    (transaction) =>
      function (this: unknown, work, ...more) {
        if (typeof work !== 'function') return transaction.call(this, work, ...more);
        const heard: Method = (within) => {
          watchQuery(within as Queryable, listener);
          return (work as Method)(within);
        };
        return transaction.call(this, heard, ...more);
      },
  );
}
