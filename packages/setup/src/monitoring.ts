/**
 * The routes that show the inside of the stack: health of the components, their
 * statistics, and the pipeline. They stand at the edge, ahead of every limit, and
 * are closed to all but loopback callers and callers with the token.
 */
import {
  type Component,
  defineMiddleware,
  type Exchange,
  HANDLED,
  type HealthReport,
  type Middleware,
  type MonitoringAccess,
  monitoringGuard,
  ProblemError,
  type StepResult,
} from '@org/core';

import type { Explanation } from './explain.ts';

/** What the routes show. */
export interface Inside {
  components(): readonly Component[];
  explain(): Explanation;
}

/** How long the components may take, together, to say how they are, in ms. */
const HEALTH_TIMEOUT_MS = 2000;

/** Makes the middleware that answers the monitoring routes. */
export function monitoring(inside: Inside, access: MonitoringAccess | undefined): Middleware {
  const isAllowed = monitoringGuard(access);
  const routes = new Map<string, (exchange: Exchange) => Promise<void> | void>([
    // Where @org/health takes part it answers this path itself, and earlier.
    ['/health/middleware', (exchange) => answerHealth(exchange, inside.components())],
    [
      '/api/middleware/stats',
      (exchange) => answer(exchange, 200, { components: statsOf(inside.components()) }),
    ],
    [
      '/api/middleware/pipeline',
      (exchange) => answer(exchange, 200, { pipeline: inside.explain().rows }),
    ],
  ]);

  return defineMiddleware({
    name: 'monitoring',
    phase: 'edge',
    priority: 90,
    reason: 'shows the inside to its operators, whatever the load',
    step(exchange): StepResult {
      const { req } = exchange;
      const end = req.url.indexOf('?');
      const route = routes.get(end === -1 ? req.url : req.url.slice(0, end));
      if (route === undefined || (req.method !== 'GET' && req.method !== 'HEAD')) return undefined;
      if (!isAllowed(req)) throw closed();
      exchange.route = req.path;
      const answered = route(exchange);
      return answered === undefined ? HANDLED : answered.then(() => HANDLED);
    },
  });
}

/** The components' own numbers, by name. */
export function statsOf(components: readonly Component[]): Record<string, unknown> {
  return Object.fromEntries(
    components.flatMap(({ name, stats }) => (stats === undefined ? [] : [[name, stats()]])),
  );
}

async function answerHealth(exchange: Exchange, components: readonly Component[]): Promise<void> {
  const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
  const reports = await Promise.all(
    components.map(
      async (component) => [component.name, await healthOf(component, signal)] as const,
    ),
  );
  const failing = reports.some(([, { status }]) => status === 'fail');
  answer(exchange, failing ? 503 : 200, {
    status: failing
      ? 'fail'
      : reports.some(([, { status }]) => status === 'warn')
        ? 'warn'
        : 'pass',
    components: Object.fromEntries(reports),
  });
}

async function healthOf(component: Component, signal: AbortSignal): Promise<HealthReport> {
  if (component.health === undefined) return { status: 'pass' };
  const tooLate = new Promise<HealthReport>((resolve) => {
    signal.addEventListener(
      'abort',
      () => resolve({ status: 'fail', detail: 'did not answer in time' }),
      { once: true },
    );
  });
  try {
    return await Promise.race([component.health(signal), tooLate]);
  } catch (error) {
    return { status: 'fail', detail: String(error) };
  }
}

function answer({ res }: Exchange, status: number, body: unknown): void {
  res
    .status(status)
    .set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' })
    .json(body);
}

function closed(): ProblemError {
  return new ProblemError({
    code: 'ERR_MONITORING_CLOSED',
    status: 403,
    detail: 'This route is open to loopback callers and to callers with the monitoring token.',
  });
}
