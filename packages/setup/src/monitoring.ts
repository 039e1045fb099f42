/**
 * The routes that show the inside of the stack: health of the components, their
 * statistics, and the pipeline. They stand at the edge, ahead of every limit, and
 * are closed to all but callers with the token or, where there is none, loopback callers.
 */
import {
  type Component,
  defineMiddleware,
  HANDLED,
  type HealthReport,
  type Middleware,
  type MonitoringAccess,
  type MonitoringCall,
  monitoringRoutes,
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
  return defineMiddleware({
    name: 'monitoring',
    phase: 'edge',
    priority: 90,
    reason: 'shows the inside to its operators, whatever the load',
    step: monitoringRoutes(
      {
        // Where @org/health takes part it answers this path itself, and earlier.
        '/health/middleware': { GET: (call) => answerHealth(call, inside.components()) },
        '/api/middleware/stats': { GET: () => ({ components: statsOf(inside.components()) }) },
        '/api/middleware/pipeline': { GET: () => ({ pipeline: inside.explain().rows }) },
      },
      access,
    ),
  });
}

/** The components' own numbers, by name. */
export function statsOf(components: readonly Component[]): Record<string, unknown> {
  return Object.fromEntries(
    components.flatMap(({ name, stats }) => (stats === undefined ? [] : [[name, stats()]])),
  );
}

async function answerHealth(
  { exchange: { res } }: MonitoringCall,
  components: readonly Component[],
): Promise<typeof HANDLED> {
  const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
  const reports = await Promise.all(
    components.map(
      async (component) => [component.name, await healthOf(component, signal)] as const,
    ),
  );
  const failing = reports.some(([, { status }]) => status === 'fail');
  const warning = reports.some(([, { status }]) => status === 'warn');
  res
    .status(failing ? 503 : 200)
    .set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' })
    .json({
      status: failing ? 'fail' : warning ? 'warn' : 'pass',
      components: Object.fromEntries(reports),
    });
  return HANDLED;
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
