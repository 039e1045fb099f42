/**
 * Looks at the whole at even intervals, often while somebody watches and seldom while nobody does,
 * and makes of each look one state, which every tab is sent. The past of its charts is kept.
 */
import { hostname } from 'node:os';
import {
  type Cancel,
  type Clock,
  type Component,
  type Host,
  type HostState,
  report,
} from '@org/core';

import { CheckStates, knownStates } from './check-states.ts';
import { History, type Past } from './history.ts';
import type { DashboardOptions } from './options.ts';
import type { Panel, State } from './panel.ts';
import { panelsOf } from './panels/index.ts';
import { ProcessGauge } from './process-gauge.ts';
import { Rates } from './rates.ts';
import { type Sources, StatsReader } from './sources.ts';

const HOST = hostname();

/** The samples of one dashboard. */
export class Sampler {
  private readonly options: Readonly<DashboardOptions>;
  private readonly clock: Clock;
  private readonly onState: (state: State) => void;
  private readonly rates = new Rates();
  private readonly gauge = new ProcessGauge();
  private readonly reader = new StatsReader();
  private readonly checks: CheckStates;
  private readonly history: History;
  private host: Host | undefined = undefined;
  private latest: State | undefined = undefined;
  private cancel: Cancel | undefined = undefined;
  private everyMs = 0;

  /** @param onState gets every sample */
  constructor(options: Readonly<DashboardOptions>, onState: (state: State) => void) {
    this.options = options;
    this.clock = options.clock;
    this.onState = onState;
    this.checks = new CheckStates(options.clock);
    this.history = new History(
      Math.ceil(options.historyMs / options.intervalMs) + 1,
      options.historyMs,
    );
  }

  attach(host: Host): void {
    this.host = host;
  }

  get hostState(): HostState | undefined {
    return this.host?.state;
  }

  /** The latest sample that is not older than the interval; takes one where there is none. */
  get state(): State {
    const { latest } = this;
    const isFresh = latest !== undefined && this.clock.now() - latest.at < this.options.intervalMs;
    return isFresh ? latest : this.sample();
  }

  /** The samples of the charts after `afterAt`. */
  past(afterAt: number): Past {
    return this.history.since(afterAt, this.clock.now());
  }

  /** Samples from now on as often as it takes for those who watch. */
  pace(isWatched: boolean): void {
    const everyMs = isWatched ? this.options.intervalMs : this.options.idleIntervalMs;
    if (everyMs === this.everyMs && this.cancel !== undefined) return;
    this.stop();
    this.everyMs = everyMs;
    if (everyMs > 0) this.cancel = this.clock.every(everyMs, () => this.tick());
  }

  close(): void {
    this.stop();
    this.checks.close();
  }

  private stop(): void {
    this.cancel?.();
    this.cancel = undefined;
  }

  private tick(): void {
    try {
      this.onState(this.sample());
    } catch (error) {
      // Nobody stands above a timer.
      report(error, 'dashboard sample');
    }
  }

  private sample(): State {
    this.rates.begin(this.clock.monotonicMs());
    const at = Math.round(this.clock.now());
    const sources = this.sources();
    const state: State = {
      at,
      intervalMs: this.options.intervalMs,
      state: sources.state,
      process: { host: HOST, pid: process.pid, uptimeMs: sources.process.uptimeMs },
      panels: panelsOf(sources),
    };
    this.history.add(at, chartValues(state.panels));
    this.latest = state;
    return state;
  }

  private sources(): Sources {
    const { host, rates } = this;
    const components = this.components();
    const stats = this.reader.read(components);
    const health = stats.get('health');
    return {
      state: host?.state,
      stats,
      traffic: host?.traffic() ?? [],
      checks: health?.has('checks') ? knownStates(health) : this.checks.read(components),
      process: this.gauge.read(),
      rates,
    };
  }

  private components(): readonly Component[] {
    return [...new Set([...(this.host?.components() ?? []), ...this.options.components])];
  }
}

function* chartValues(
  panels: readonly Panel[],
): Iterable<readonly [key: string, value: number | undefined]> {
  for (const { charts = [] } of panels) {
    for (const { series } of charts) for (const { key, value } of series) yield [key, value];
  }
}
