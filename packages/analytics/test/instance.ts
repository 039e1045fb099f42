/** One instance without a server: what `analytics()` is made of, driven by a test step by step. */
import type { Exchange } from '@org/core';
import type { FakeClock } from '@org/core/testing';

import type { AnalyticsStore } from '../src/analytics-store.ts';
import { Consumers } from '../src/consumers.ts';
import { Erasures } from '../src/erasures.ts';
import { GuardedStore } from '../src/guarded-store.ts';
import { Lease } from '../src/lease.ts';
import { resolveAnalyticsOptions } from '../src/options.ts';
import { Outbox } from '../src/outbox.ts';
import { type Query, readQuery } from '../src/query.ts';
import { Reader } from '../src/reader.ts';
import { Recorder } from '../src/recorder.ts';
import { Reports } from '../src/reports.ts';
import { RollUp } from '../src/roll-up.ts';
import type { AnalyticsOptions, ConsumersReport, Summary } from '@org/analytics';

import type { Made } from '../src/documents.ts';

export const SECRET = 'a secret of many letters';

export interface Instance {
  readonly recorder: Recorder;
  readonly lease: Lease;
  readonly outbox: Outbox;
  readonly erasures: Erasures;
  readonly rollUp: RollUp;
  readonly consumers: Consumers;
  readonly reports: Reports;
  /** Counts a request. */
  ask(route?: string, more?: { readonly who?: string; readonly status?: number }): void;
  /** Takes what the minute had, and begins the one that the clock shows. */
  turn(): void;
  rollUpNow(): Promise<void>;
  summary(query: string): Promise<Made<Summary>>;
  listConsumers(query?: string): Promise<Made<ConsumersReport>>;
}

export function instance(
  store: AnalyticsStore,
  clock: FakeClock,
  more: Partial<AnalyticsOptions> = {},
): Instance {
  const settings = resolveAnalyticsOptions({ clock, secret: SECRET, smallestGroup: 1, ...more });
  const guarded = new GuardedStore(store, settings.storeTimeoutMs, clock);
  const consumers = new Consumers({ ...settings, nameOf: undefined }, clock.now());
  const recorder = new Recorder(settings, settings.instance, clock.now());
  const outbox = new Outbox(settings, guarded, recorder);
  const erasures = new Erasures(guarded);
  const lease = new Lease(guarded, recorder.name, clock);
  const rollUp = new RollUp(settings, guarded, erasures, lease);
  const reports = new Reports(new Reader(guarded, erasures), settings);
  const query = (report: string, text: string): Query =>
    readQuery(
      report,
      ['from', 'to', 'step', 'limit', 'cursor'],
      new URLSearchParams(text),
      clock.now(),
      settings.retention,
    );
  return {
    recorder,
    lease,
    outbox,
    erasures,
    rollUp,
    consumers,
    reports,
    ask(route = '/x', { who, status = 200 } = {}) {
      const exchange = {
        req: { method: 'GET' },
        res: { statusCode: status, headersSent: true },
        route,
        aborted: false,
        bytes: 10,
        durationMs: 5,
        upgraded: false,
        peekPrincipal: () => who,
      } as unknown as Exchange;
      recorder.record(exchange, who === undefined ? undefined : consumers.of(exchange));
    },
    turn() {
      outbox.collect();
      recorder.turn(clock.now());
    },
    rollUpNow: async () => rollUp.pass(await erasures.noted()),
    summary: (text) => reports.summary(query('summary', text)),
    listConsumers: (text = '') => reports.consumers(query('consumers', text)),
  };
}
