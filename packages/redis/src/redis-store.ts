/**
 * Every store contract over Redis: a component with a life, and a store that any package of the
 * family takes. No call waits for a connection, none takes longer than its time limit, and once
 * Redis has failed a few times in a row none is made until it answers again.
 */
import {
  type CallOptions,
  checkTtl,
  type Component,
  type Count,
  defineComponent,
  type Given,
  type HealthReport,
  keepSliceMs,
  type Slice,
  type Stats,
  type Store,
} from '@org/core';

import { pubsubBus, streamBus } from './bus.ts';
import { Calls, type Request } from './calls.ts';
import { isCluster } from './client.ts';
import { Keys } from './keys.ts';
import { Link } from './link.ts';
import { type RedisStoreOptions, resolveStoreOptions } from './options.ts';
import { ADD, COMPARE_AND_DELETE, COMPARE_AND_SET, SLIDE } from './scripts.ts';
import { tagsOver } from './tags.ts';
import { bytesOf, isOne, valueOf } from './values.ts';

/** Every call of the store contract, always with a promise; while Redis is away calls throw at once. */
export type RemoteStore = {
  readonly [K in keyof Store]: (
    ...args: Parameters<Store[K]>
  ) => Promise<Awaited<ReturnType<Store[K]>>>;
};

/** A store in Redis, and its life. */
export interface RedisStore extends RemoteStore, Component {
  /** Connects. Resolves once that has worked or failed, and never rejects: a dead Redis stops no start. */
  start(): Promise<void>;
  /** `warn` while Redis, or one of its nodes, does not answer: packages go on without it. */
  health(signal: AbortSignal): Promise<HealthReport>;
  stats(): Stats;
  /** Waits for what is under way, at most `timeoutMs`, and ends the connections that the store has made. */
  close(signal?: AbortSignal): Promise<void>;
}

/**
 * Makes a store. It connects with `start`, or with the first call.
 * @throws OptionError for unknown or wrong options, and where neither `url`, `nodes` nor `client` is given
 */
export function redisStore(options?: Given<RedisStoreOptions>): RedisStore {
  const settings = resolveStoreOptions(options);
  const { name, keyPrefix, maxValueBytes } = settings;
  const keys = new Keys(keyPrefix);
  const link = new Link(settings);
  const calls = new Calls(link, settings);
  const bus = (settings.bus === 'stream' ? streamBus : pubsubBus)(calls, keys, settings);
  const tags = tagsOver(calls, keys, settings);
  let closing: Promise<void> | undefined;

  const ask = <T>(request: Request<T>, given: CallOptions | undefined): Promise<T> =>
    calls.run(request, given);

  return defineComponent(name, {
    get(key: string, given?: CallOptions): Promise<Uint8Array | undefined> {
      const at = keys.value(key);
      return ask({ call: 'get', key: at, command: 'get', args: [at], read: valueOf }, given);
    },

    set(key: string, value: Uint8Array, ttlMs: number, given?: CallOptions): Promise<void> {
      const at = keys.value(key);
      const args = [at, bytesOf(value, maxValueBytes), 'PX', wholeMs(ttlMs)];
      return ask({ call: 'set', key: at, command: 'set', args, read: () => undefined }, given);
    },

    delete(key: string, given?: CallOptions): Promise<boolean> {
      const at = keys.value(key);
      return ask({ call: 'delete', key: at, command: 'del', args: [at], read: isOne }, given);
    },

    claim(
      key: string,
      value: Uint8Array,
      ttlMs: number,
      given?: CallOptions,
    ): Promise<Uint8Array | undefined> {
      const at = keys.value(key);
      const args = [at, bytesOf(value, maxValueBytes), 'NX', 'GET', 'PX', wholeMs(ttlMs)];
      return ask({ call: 'claim', key: at, command: 'set', args, read: valueOf }, given);
    },

    compareAndSet(
      key: string,
      expected: Uint8Array,
      next: Uint8Array | undefined,
      ttlMs: number,
      given?: CallOptions,
    ): Promise<boolean> {
      const at = keys.value(key);
      const before = bytesOf(expected, maxValueBytes);
      const [script, args] =
        next === undefined
          ? [COMPARE_AND_DELETE, [at, before]]
          : [COMPARE_AND_SET, [at, before, bytesOf(next, maxValueBytes), wholeMs(ttlMs)]];
      return ask({ call: 'compareAndSet', key: at, script, args, read: isOne }, given);
    },

    ...tags,

    add(key: string, amount: number, windowMs: number, given?: CallOptions): Promise<Count> {
      const at = keys.counter(key);
      const args = [at, whole(amount), wholeMs(windowMs)];
      return ask({ call: 'add', key: at, script: ADD, args, read: countOf }, given);
    },

    slide(
      key: string,
      amount: number,
      slice: Slice,
      given?: CallOptions,
    ): Promise<readonly number[]> {
      const at = keys.slidingCounter(key);
      const { number, before } = slice;
      const args = [at, whole(amount), number, before, Math.ceil(keepSliceMs(slice))];
      const read = (reply: unknown): readonly number[] => countsOf(reply, before + 1);
      return ask({ call: 'slide', key: at, script: SLIDE, args, read }, given);
    },

    publish: bus.publish,
    subscribe: bus.subscribe,

    start: () => link.open(),

    async health(): Promise<HealthReport> {
      if (closing !== undefined) return { status: 'warn', detail: 'the store is closed' };
      const troubled = link.nodes.troubled();
      if (!link.isReady || troubled.length > 0) {
        const where =
          isCluster(link.client) && troubled.length > 0 ? ` (${nodesOf(troubled)})` : '';
        const why = link.outage.cause?.message ?? 'it has not been connected to yet';
        return { status: 'warn', detail: `Redis does not answer${where}: ${why}` };
      }
      if (!bus.isListening) return { status: 'warn', detail: 'the bus is not heard' };
      return { status: 'pass' };
    },

    stats: (): Stats => ({
      connected: link.isReady,
      cluster: isCluster(link.client),
      inFlight: calls.inFlight,
      callsTotal: calls.callsTotal,
      timeoutsTotal: calls.timeoutsTotal,
      failuresTotal: calls.failuresTotal,
      refusedTotal: calls.refusedTotal,
      scriptsLoadedTotal: calls.scriptsLoadedTotal,
      connectionsTotal: link.connectionsTotal,
      outagesTotal: link.outage.outagesTotal,
      breakerOpenedTotal: link.nodes.openedTotal,
      nodesAway: link.nodes.troubled().length,
      channels: bus.channels,
    }),

    close: (signal?: AbortSignal): Promise<void> =>
      (closing ??= (async () => {
        bus.close();
        await calls.close(signal);
        link.close();
      })()),
  });
}

function nodesOf(troubled: readonly (readonly [string, string])[]): string {
  return troubled.map(([node, state]) => `${node} ${state}`).join(', ');
}

/** Redis counts whole milliseconds; what is shorter than one lives for one. */
function wholeMs(ttlMs: number): number {
  return Math.ceil(checkTtl(ttlMs));
}

function whole(amount: number): number {
  if (Number.isSafeInteger(amount)) return amount;
  throw new RangeError(`A counter adds whole numbers, but the amount is ${amount}.`);
}

/** What slices hold; those that the reply leaves out are empty. */
function countsOf(reply: unknown, slices: number): readonly number[] {
  const counts = String(reply).split(',').map(Number);
  while (counts.length < slices) counts.push(0);
  return counts;
}

function countOf(reply: unknown): Count {
  // A client may be told to answer numbers as text.
  const [value, resetMs] = reply as [number | string, number | string];
  return { value: Number(value), resetMs: Math.max(1, Number(resetMs)) };
}
