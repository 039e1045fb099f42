/** A served application with metrics in front, and how its pages are asked for. */
import { type Component, exchangeOf, type Given } from '@org/core';
import { type FakeClock, fakeClock, serve } from '@org/core/testing';
import { metrics, type Metrics, type MetricsOptions, type Performance } from '@org/metrics';
import { setup, type Stack } from '@org/setup';
import express, { type Express } from 'express';

import { parse, type ParsedFamily } from './exposition-parser.ts';

export interface Serving {
  readonly app: Express;
  readonly clock: FakeClock;
  readonly made: Metrics;
  readonly url: string;
  readonly port: number;
  readonly stack: Stack | undefined;
  /** The page, read strictly. */
  scrape(): Promise<Map<string, ParsedFamily>>;
  performance(): Promise<Performance>;
}

export const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0';

/** Whatever a test has begun, to be ended in reverse. */
export const clean: (() => unknown)[] = [];

export async function endAll(): Promise<void> {
  for (const step of clean.splice(0).toReversed()) await step();
}

export interface How {
  readonly by?: 'app.use' | 'setup';
  /** Beside metrics, under `setup`. */
  readonly components?: readonly Component[];
}

export async function serving(
  options: Given<MetricsOptions>,
  routes: (app: Express, clock: FakeClock) => void,
  { by = 'app.use', components = [] }: How = {},
): Promise<Serving> {
  const clock = fakeClock();
  const made = metrics({ clock, ...options });
  const app = express();
  let stack: Stack | undefined;
  let port: number;
  if (by === 'setup') {
    stack = setup(app, [made, ...components], { clock });
    routes(app, clock);
    const server = await stack.listen(0, '127.0.0.1');
    const whole = stack;
    port = (server.address() as { port: number }).port;
    clean.push(async () => {
      server.closeAllConnections();
      await whole.close();
    });
  } else {
    app.use((req, res, next) => {
      exchangeOf(req, res, clock);
      next();
    });
    app.use(made);
    routes(app, clock);
    const served = await serve(app);
    port = served.port;
    clean.push(async () => {
      await served.close();
      made.close();
    });
  }
  const url = `http://127.0.0.1:${port}`;
  return {
    app,
    clock,
    made,
    url,
    port,
    stack,
    async scrape() {
      const answer = await fetch(`${url}/metrics`, { headers: { accept: OPEN_METRICS } });
      return parse(await answer.text(), 'openmetrics');
    },
    async performance() {
      const answer = await fetch(`${url}/health/middleware/performance`);
      return (await answer.json()) as Performance;
    },
  };
}

/** Asks and reads to the end. */
export async function ask(url: string, init: RequestInit = {}): Promise<Response & { body: null }> {
  const answer = await fetch(url, init);
  await answer.arrayBuffer();
  return answer as Response & { body: null };
}

/** Values of a family by its labels, as `name=value,…`; of histograms, their counts. */
export function valuesOf(family: ParsedFamily | undefined): Record<string, number> {
  const wanted = family?.type === 'histogram' ? '_count' : '';
  return Object.fromEntries(
    (family?.samples ?? [])
      .filter(({ name }) => name.endsWith(wanted))
      .map(({ labels, value }) => [
        Object.entries(labels)
          .map(([name, label]) => `${name}=${label}`)
          .join(','),
        value,
      ]),
  );
}
