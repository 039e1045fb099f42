/**
 * Analytics: who uses which endpoint how much, how well it goes, and what nobody uses, over
 * minutes, hours, days and years. One record for each request, made when it has ended, from what
 * the exchange knows already. It observes above everything that refuses: what is turned away is
 * use, too.
 */
import {
  type Cancel,
  defineMiddleware,
  defineStages,
  type Given,
  type HealthReport,
  type Middleware,
  report,
  type Stats,
} from '@org/core';

import { type ConsumerName, Consumers } from './consumers.ts';
import { type Erasure, Erasures, keyOf, remainsOf } from './erasures.ts';
import { GuardedStore } from './guarded-store.ts';
import { Lease } from './lease.ts';
import { endsWithProcess, memoryStore } from './memory-store.ts';
import { type AnalyticsOptions, resolveAnalyticsOptions } from './options.ts';
import { Outbox } from './outbox.ts';
import { Reader } from './reader.ts';
import { Recorder } from './recorder.ts';
import { Reports } from './reports.ts';
import { RollUp } from './roll-up.ts';
import { reportRoutes } from './routes.ts';
import { useStats } from './statistics.ts';

/** Both middlewares, the one that counts and the one that answers, and what applications ask. */
export type Analytics = Middleware[] & {
  /** By what a known consumer goes in reports. */
  idOf(consumer: string): string;
  /**
   * Takes a consumer out of everything that is kept: a known one by its name, an anonymous one by
   * its address, and with it its whole network.
   * @throws RangeError for what is no address
   * @throws ProblemError `ERR_STORE_UNAVAILABLE`, `ERR_STORE_TIMEOUT`: then ask again
   */
  erase(consumer: ConsumerName): Promise<Erasure>;
  /** Writes what was counted so far to the store. @throws ProblemError as `erase` */
  flush(): Promise<void>;
  /** The numbers of the one that counts, for those who have no `setup` to ask it. */
  stats(): Stats;
  /** Writes the last rows and ends, for those who have no `setup` to do it. */
  close(signal?: AbortSignal): Promise<void>;
};

/** Makes analytics of its own. @throws OptionError for unknown or wrong options */
export function analytics(options?: Given<AnalyticsOptions>): Analytics {
  const settings = resolveAnalyticsOptions(options);
  const { clock, retention } = settings;
  const consumers = new Consumers({ ...settings, nameOf: settings.consumer }, clock.now());
  const recorder = new Recorder(settings, settings.instance, clock.now());
  const store = new GuardedStore(settings.store ?? memoryStore(), settings.storeTimeoutMs, clock);
  const outbox = new Outbox(settings, store, recorder);
  const erasures = new Erasures(store);
  const lease = new Lease(store, recorder.name, clock);
  const rollUp = new RollUp(settings, store, erasures, lease);
  const reports = new Reports(new Reader(store, erasures), settings);
  let stopFlushing: Cancel = () => undefined;
  let stopTurning: Cancel = () => undefined;
  let maintaining: Promise<void> | undefined;
  /** Erasures that this instance has heard of. */
  let heard: ReadonlySet<string> = new Set();
  let begun = false;
  let ending: Promise<void> | undefined;

  const stages = defineStages({
    done(exchange) {
      if (!exchange.internal && ending === undefined)
        recorder.record(exchange, consumers.of(exchange));
    },
  });

  /** Under `setup` at its start; alone with the first request. */
  function begin(): void {
    begun = true;
    if (ending !== undefined) return;
    if (settings.secrets.length === 0 && !endsWithProcess(settings.store)) {
      process.emitWarning(
        'analytics: without "secret" a consumer is another one to each process and after each restart, though the store outlives them; give all processes the same (ANALYTICS_SECRET).',
        { type: 'AnalyticsWarning' },
      );
    }
    stopFlushing = clock.every(settings.flushMs, () => void outbox.flush().catch(isTold));
    turn();
  }

  function turn(): void {
    outbox.collect();
    const now = clock.now();
    consumers.age(now);
    stopTurning = clock.after(recorder.turn(now), turn);
    maintaining ??= maintain().finally(() => (maintaining = undefined));
  }

  /** What is due once a minute, and in nobody's way. */
  async function maintain(): Promise<void> {
    try {
      await outbox.flush();
    } catch {
      // The outbox has told of it; without a store there is nothing else to do.
      return;
    }
    try {
      const noted = await erasures.noted();
      // Others may have been asked to erase somebody whom this instance remembers.
      const news = noted.filter((note) => !heard.has(keyOf(note)));
      recorder.forget(news.map(({ id }) => id));
      heard = new Set(noted.map(keyOf));
      await rollUp.pass(noted);
    } catch (error) {
      report(error, 'analytics roll-up');
    }
  }

  const routes = defineMiddleware({
    name: 'analytics:routes',
    phase: 'edge',
    priority: 90,
    reason: 'shows its operators what goes on, whatever the load',
    step: reportRoutes(reports, {
      ...settings,
      flush: () => outbox.flush().catch(isTold),
      pendingRequests: () => outbox.pendingRequests,
      nowMs: () => clock.now(),
    }),
  });

  const observer = defineMiddleware({
    name: 'analytics',
    phase: 'observe',
    priority: 30,
    reason: 'above everything that refuses: what is turned away is use, too',
    step(exchange) {
      if (!begun) begin();
      // A socket remembers its address only if it was asked while it was open.
      void exchange.req.socket.remoteAddress;
      exchange.tap(stages);
    },
    start() {
      if (!begun) begin();
    },
    health(): HealthReport {
      const { failingSinceAt, pendingRequests, lostRequestsTotal } = outbox;
      if (failingSinceAt === undefined) return { status: 'pass' };
      const since = new Date(failingSinceAt).toISOString();
      return {
        status: 'warn',
        detail: `the store has failed since ${since}: ${pendingRequests} requests wait for it, ${lostRequestsTotal} are lost`,
      };
    },
    stats: (): Stats => ({
      ...useStats(recorder, settings),
      pendingRequests: outbox.pendingRequests,
      pendingBytes: outbox.pendingBytes,
      lostRequestsTotal: outbox.lostRequestsTotal,
      flushesTotal: outbox.flushesTotal,
      flushFailuresTotal: outbox.failuresTotal,
      rolledUpTotal: rollUp.rolledTotal,
      prunedTotal: rollUp.prunedTotal,
    }),
    async close(signal?: AbortSignal) {
      stopFlushing();
      stopTurning();
      rollUp.stop();
      await Promise.race([(ending ??= finish()), aborted(signal)]);
    },
  });

  /** The last rows, so that a restart loses nothing. */
  async function finish(): Promise<void> {
    await maintaining;
    try {
      await outbox.flush();
      await lease.release();
    } catch {
      // The outbox has told of it, and whoever has no store needs no lease.
    }
  }

  return Object.assign([routes, observer], {
    idOf: (consumer: string) => consumers.idOf(consumer),
    flush: () => outbox.flush(),
    async erase(consumer: ConsumerName): Promise<Erasure> {
      const erasedAt = clock.now();
      const ids = consumers.idsOf(consumer, erasedAt - retention.day);
      await erasures.note(ids, erasedAt);
      recorder.forget(ids);
      await outbox.flush();
      const swept = await erasures.sweep(new Set(ids), erasedAt);
      return { ...swept, remains: remainsOf(settings.secrets) };
    },
    stats: () => observer.stats!(),
    close: async (signal?: AbortSignal) => observer.close!(signal),
  });
}

/** Resolves when nobody waits any longer. */
function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve();
    else signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** A flush that fails has been told of by the outbox. */
function isTold(): void {}
