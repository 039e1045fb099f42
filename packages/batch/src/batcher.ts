/**
 * Turns many small loads into few: what is asked for key by key, in a loop or all over the code
 * of a request, is loaded together. A scope per request remembers what it has loaded; batches
 * may be shared by requests of the same caller, results never are.
 */
import {
  Credentials,
  type Exchange,
  exchangeOf,
  type Given,
  Listeners,
  OptionError,
  type StateKey,
  stateKey,
  type Stats,
} from '@org/core';
import type { Request, Response } from 'express';

import type { BatchFunction } from './batch-function.ts';
import { type BatcherOptions, resolveBatcherOptions } from './batcher-options.ts';
import { BATCH_CHANNEL } from './events.ts';
import { Lane } from './lane.ts';
import { type Loader, type Loads, loadEach, noKey, Scope } from './loader.ts';
import { Partitions } from './partitions.ts';
import { Statistics } from './statistics.ts';
import { refusal, type Traffic } from './traffic.ts';
import { WindowTimer } from './window-timer.ts';

/**
 * Loads in batches. `load` and `loadMany` of the batcher itself belong to no request: their
 * results are not remembered, and equal keys of one batch are one.
 */
export interface Batcher<K, V> extends Loads<K, V> {
  readonly name: string;
  /**
   * The loader of a request, the same one each time. Its cache lives and dies with the exchange;
   * when that aborts, its loads reject. Loads with a `transaction` are batched and cached apart
   * from all others, and the batch function is told which it is.
   */
  for(scope: Request | Response | Exchange, transaction?: object): Loader<K, V>;
  /** A loader with a cache of its own, for what is no request: a job, a message. */
  loader(transaction?: object): Loader<K, V>;
  stats(): Stats;
  /** From here on no batch waits, and no timer is left. Loads go on. Idempotent. */
  close(): void;
}

/** The loaders of one request. */
interface RequestScopes<K, V> {
  plain: Loader<K, V> | undefined;
  readonly byTransaction: WeakMap<object, Loader<K, V>>;
}

/**
 * Makes a batcher: once, where the app is made. `load` gets the keys of a batch, each once, and
 * resolves to one value or Error for each, in their order.
 * @throws OptionError for unknown or wrong options, and where `load` is no function
 */
export function createBatcher<K, V>(
  load: BatchFunction<K, V>,
  options?: Given<BatcherOptions<K>>,
): Batcher<K, V> {
  const settings = resolveBatcherOptions(options);
  const { name, shared, clock } = settings;
  if (typeof load !== 'function') {
    throw new OptionError('createBatcher', [
      `takes a function of keys that returns a promise of their values, but got ${String(load)}.`,
    ]);
  }
  const statistics = new Statistics();
  const timer = new WindowTimer(clock);
  const traffic: Traffic<K, V> = {
    load,
    options: settings,
    adaptive: (settings.window ?? (shared ? 'adaptive' : 'tick')) === 'adaptive',
    schedule: settings.schedule ?? afterPromiseJobs,
    timer,
    statistics,
    listeners: new Listeners(BATCH_CHANNEL, settings.onBatch, 'batch onBatch'),
    closed: false,
  };
  const key: StateKey<RequestScopes<K, V>> = stateKey(`batcher ${name}`);
  const nobodys = new Lane<K, V>(traffic, settings.cache);
  const partitions = new Partitions<K, V>(settings, new Credentials(settings), traffic);

  const scopeOf = (
    exchange: Exchange | undefined,
    transaction: object | undefined,
  ): Loader<K, V> => {
    const findLane =
      shared && exchange !== undefined ? partitions.finder(exchange, transaction) : undefined;
    return new Scope<K, V>(traffic, findLane, exchange, transaction);
  };

  const batcher: Batcher<K, V> = {
    name,
    load(one) {
      if (one === null || one === undefined) throw noKey(name, one);
      const { cacheKeyFn } = settings;
      const cacheKey = cacheKeyFn === undefined ? one : cacheKeyFn(one);
      const refused = refusal(traffic);
      if (refused !== undefined) return Promise.reject(refused);
      return nobodys.add(undefined, one, cacheKey).promise;
    },
    loadMany: (keys) => loadEach(batcher, keys, name),
    for(scope, transaction) {
      const exchange = exchangeFrom(scope, name);
      let scopes = exchange.getState(key);
      if (scopes === undefined) {
        scopes = { plain: undefined, byTransaction: new WeakMap() };
        exchange.setState(key, scopes);
      }
      if (transaction === undefined) return (scopes.plain ??= scopeOf(exchange, undefined));
      let loader = scopes.byTransaction.get(transaction);
      if (loader === undefined) {
        loader = scopeOf(exchange, transaction);
        scopes.byTransaction.set(transaction, loader);
      }
      return loader;
    },
    loader: (transaction) => scopeOf(undefined, transaction),
    stats: () => ({ ...statistics.snapshot(), partitions: partitions.size }),
    close() {
      traffic.closed = true;
      timer.close();
    },
  };
  return batcher;
}

/** The exchange of whatever a handler has at hand. */
function exchangeFrom(scope: Request | Response | Exchange, name: string): Exchange {
  if ('getState' in scope) return scope;
  if ('setHeader' in scope) return exchangeOf(scope.req, scope);
  const { res } = scope;
  if (res === undefined) {
    throw new TypeError(`${name}: for() takes a request of Express, its response or its exchange.`);
  }
  return exchangeOf(scope, res);
}

/**
 * Runs `dispatch` when the promise jobs that are queued, and those that they queue, have run: Node
 * empties that queue before it looks at `nextTick` again, so that chains of promises that end in
 * loads still go along. (DataLoader's rule.)
 */
function afterPromiseJobs(dispatch: () => void): void {
  void RESOLVED.then(() => process.nextTick(dispatch));
}

const RESOLVED: Promise<void> = Promise.resolve();
