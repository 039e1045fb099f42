/** Components that say what the family's say, with numbers that a test decides. */
import {
  type Component,
  defineComponent,
  type HealthReport,
  type Stats,
  type Traffic,
} from '@org/core';
import { fakeHost } from '@org/core/testing';

/** A component of a name that answers these numbers. */
export function standIn(
  name: string,
  stats: Stats | (() => Stats),
  health?: () => HealthReport | Promise<HealthReport>,
): Component {
  return defineComponent(name, {
    stats: typeof stats === 'function' ? stats : () => stats,
    ...(health === undefined ? {} : { health }),
  });
}

const MIDDLEWARES = [
  ['health', 'edge', 0.0006],
  ['shutdown', 'edge', 0.0004],
  ['dashboard', 'edge', 0.0002],
  ['correlation', 'context', 0.003],
  ['timeout', 'context', 0.0012],
  ['logging', 'observe', 0.0021],
  ['metrics', 'observe', 0.0008],
  ['security:headers', 'protect', 0.0031],
  ['security:threats', 'protect', 0.024],
  ['rate-limit', 'protect', 0.0042],
  ['versioning', 'shape', 0.0016],
  ['compression', 'shape', 0.0022],
  ['cache', 'reuse', 0.011],
  ['queue', 'admit', 0.038],
  ['body', 'read', 0.014],
  ['db', 'session', 0.0026],
  ['errors', 'recover', 0.0003],
] as const;

/** What each middleware has had to do after so many requests. */
export function traffic(requests: number): readonly Traffic[] {
  return MIDDLEWARES.map(([name, phase], at) => ({
    name,
    phase,
    callsTotal: Math.round(requests * (1 - at * 0.03)),
    errorsTotal: name === 'db' ? Math.round(requests / 4000) : 0,
  }));
}

/** Every component that has a panel, busy, after so many requests. `wave` moves what goes up and down. */
export function everything(requests: () => number, wave: () => number = () => 0.5): Component[] {
  const between = (least: number, most: number): number => least + (most - least) * wave();
  return [
    standIn('metrics', () => ({
      windowMs: 60_000,
      http: {
        count: requests(),
        rps: between(300, 420),
        errorRatio: between(0.002, 0.014),
        aborted: 3,
        active: Math.round(between(4, 40)),
        clientErrorsTotal: Math.round(requests() * 0.03),
        serverErrorsTotal: Math.round(requests() * 0.005),
        latencyMs: {
          p50: between(3.1, 4.8),
          p95: between(18, 34),
          p99: between(60, 140),
          max: 812,
        },
      },
      routes: [],
      middleware: [
        ...MIDDLEWARES.map(([name, , p50]) => ({
          name,
          calls: requests(),
          timed: Math.round(requests() / 16),
          selfMs: { p50, p95: p50 * 2.6, p99: p50 * 7 },
          errors: 0,
        })),
        {
          name: 'handler',
          calls: 900,
          timed: 900,
          selfMs: { p50: 3.2, p95: 19, p99: 80 },
          errors: 0,
        },
        {
          name: 'flush',
          calls: 900,
          timed: 900,
          selfMs: { p50: 0.06, p95: 0.3, p99: 1.2 },
          errors: 0,
        },
      ],
      eventLoop: {
        delayMs: { p50: 10.1, p99: between(11, 30), max: 61 },
        utilizationRatio: between(0.2, 0.64),
      },
      memory: { rssBytes: 148_000_000, heapUsedBytes: 61_000_000 },
      overflowedSeries: 0,
    })),
    standIn('analytics', () => ({
      requestsTotal: requests(),
      endpoints: ENDPOINTS.map(([method, route, share, errorRatio, p95Ms]) => ({
        method,
        route,
        count: Math.round(requests() * share),
        errorRatio,
        p95Ms,
      })),
      consumers: CONSUMERS.map(([consumer, share]) => ({
        consumer,
        count: Math.round(requests() * share),
      })),
    })),
    standIn('cache', () => ({
      hitRatio: 0.83,
      hitsTotal: Math.round(requests() * (0.6 + wave() / 1000)),
      staleTotal: Math.round(requests() * 0.02),
      collapsedTotal: Math.round(requests() * 0.03),
      missesTotal: Math.round(requests() * 0.13),
      revalidatedTotal: 214,
      storedTotal: 9120,
      bypassedTotal: { method: Math.round(requests() * 0.04), authorization: 61 },
      refusedTotal: { 'no-store': 12 },
      servedBytesTotal: requests() * 1380,
      keys: 4210,
      memoryBytes: 18_400_000,
    })),
    standIn('rate-limit', () => ({
      allowedTotal: requests(),
      deniedTotal: Math.round(requests() * 0.012),
      keys: 381,
      store: 'there',
      limitRatio: 1,
      limitReason: 'limits are as they were set',
      routes: {
        '*': { default: { allowedTotal: 1, deniedTotal: Math.round(requests() * 0.009) } },
        '/api/trips': { burst: { allowedTotal: 1, deniedTotal: Math.round(requests() * 0.003) } },
      },
    })),
    standIn('security:headers', { noncesTotal: 0 }),
    standIn('security:reputation', () => ({
      tracked: 41,
      blocks: 2,
      refusedTotal: Math.round(requests() * 0.004),
    })),
    standIn('security:threats', () => ({
      inspectedTotal: requests(),
      foundTotal: Math.round(requests() * 0.002),
      sqliTotal: Math.round(requests() * 0.0013),
      xssTotal: Math.round(requests() * 0.0005),
      traversalTotal: Math.round(requests() * 0.0002),
      commandTotal: 0,
    })),
    standIn('weather:circuit', {
      count: 2,
      open: 1,
      halfOpen: 0,
      isolated: 0,
      healthRatio: 0.31,
      openedTotal: 4,
      breakers: {
        'weather:GET /now': {
          state: 'open',
          healthRatio: 0.31,
          inflight: 0,
          failureTotal: 87,
          refusedTotal: 412,
        },
        'weather:GET /days': {
          state: 'closed',
          healthRatio: 0.99,
          inflight: 2,
          failureTotal: 3,
          refusedTotal: 0,
        },
      },
    }),
    standIn('circuit', {
      count: 1,
      open: 0,
      halfOpen: 1,
      isolated: 0,
      healthRatio: 0.72,
      openedTotal: 1,
      breakers: {
        payments: {
          state: 'half-open',
          healthRatio: 0.72,
          inflight: 1,
          failureTotal: 14,
          refusedTotal: 33,
        },
      },
    }),
    standIn('queue', () => ({
      limit: 100,
      inflight: Math.round(between(12, 74)),
      queued: Math.round(between(0, 9)),
      overloaded: false,
      refusedTotal: { full: 0, late: 12 },
      serviceMs: 11.3,
      waitP50Ms: 0.2,
      waitP99Ms: 34.1,
      classes: {
        high: { queued: 0, accounts: 1, refusedTotal: 0 },
        normal: { queued: 4, accounts: 8, refusedTotal: 9 },
        low: { queued: 1, accounts: 2, refusedTotal: 3 },
      },
    })),
    standIn('db', () => ({
      pool: {
        size: 20,
        idle: 20 - Math.round(between(3, 19)),
        inUse: Math.round(between(3, 19)),
        waiting: 1,
        saturationRatio: between(0.15, 0.95),
        acquireMs: { p50: 0.05, p95: 1.8, p99: 9 },
        leaks: 0,
      },
      queriesTotal: requests() * 2,
      transactions: { active: 2, rolledBackTotal: 0 },
    })),
    standIn('websocket', () => ({
      connections: 512,
      subscriptions: 1480,
      channels: 36,
      receivedTotal: Math.round(requests() * 0.4),
      sentTotal: Math.round(requests() * 3.1),
      droppedTotal: 7,
      bufferedBytes: 18_240,
    })),
    standIn('tasks', () => ({
      waiting: Math.round(between(2, 60)),
      delayed: 14,
      active: 8,
      dead: 1,
      completedTotal: Math.round(requests() * 0.21),
      failedTotal: Math.round(requests() * 0.004),
      retriedTotal: Math.round(requests() * 0.003),
      deadTotal: 1,
      types: [
        { name: 'mail', waiting: 3, active: 2, completedTotal: 8812, failedTotal: 31, dead: 1 },
        { name: 'thumbnails', waiting: 41, active: 6, completedTotal: 20_931, failedTotal: 0 },
      ],
    })),
    standIn('errors', () => ({
      answeredTotal: 120,
      cutTotal: 1,
      clientErrorsTotal: Math.round(requests() * 0.02),
      serverErrorsTotal: Math.round(requests() * 0.004),
      recent: RECENT,
    })),
    standIn('health', {
      probesTotal: 90,
      checks: {
        database: { status: 'fail', detail: 'connect ECONNREFUSED 10.0.3.7:5432', durationMs: 2 },
        orders: { status: 'fail', causes: 'database', durationMs: 1 },
        'weather:circuit': { status: 'warn', detail: 'open: weather:GET /now', durationMs: 0.1 },
        cache: { status: 'pass', durationMs: 0.2 },
        queue: { status: 'pass', durationMs: 0.1 },
        mail: { status: 'fail', critical: false, durationMs: 0 },
      },
    }),
    standIn('logging', () => ({
      writtenTotal: requests() * 2,
      droppedTotal: 0,
      bufferedLines: 14,
    })),
    standIn('compression', { codedTotal: { gzip: 8100, br: 420 }, ratio: 0.24, running: 2 }),
    standIn('timeout', { running: 12, answeredTotal: 3, cutTotal: 0 }),
  ];
}

const ENDPOINTS = [
  ['GET', '/api/cities', 0.41, 0.0004, 12.5],
  ['GET', '/api/cities/:id', 0.23, 0.0011, 8.1],
  ['GET', '/api/cities/:id/nearby', 0.12, 0.002, 31],
  ['POST', '/api/trips', 0.07, 0.018, 64],
  ['GET', '/api/cities/:id/weather', 0.05, 0.093, 412],
  ['GET', '/api/trips', 0.04, 0, 22],
] as const;

const CONSUMERS = [
  ['key:ada', 0.34],
  ['key:ibn', 0.22],
  ['203.0.113.0', 0.08],
  ['anonymous', 0.06],
] as const;

const RECENT: readonly Stats[] = [
  {
    at: '2026-01-01T00:00:04.512Z',
    id: '01JGFJJZ8C5T6Q',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    method: 'GET',
    route: '/api/cities/:id/weather',
    status: 503,
    code: 'ERR_CIRCUIT_OPEN',
  },
  {
    at: '2026-01-01T00:00:01.017Z',
    id: '01JGFJJW1M8Y2R',
    traceId: '00f067aa0ba902b7d8e1a5f3c2b1a09f',
    method: 'POST',
    route: '/api/trips',
    status: 500,
    code: 'ERR_INTERNAL',
  },
];

/** A whole with every component of `components`, and the traffic of so many requests. */
export function wholeOf(
  components: readonly Component[],
  requests: () => number = () => 0,
): ReturnType<typeof fakeHost> {
  const leaving: (() => void)[] = [];
  const host = fakeHost({
    components: () => components,
    traffic: () => traffic(requests()),
    onDrain: (listener) => void leaving.push(listener),
    drain() {
      host.state = 'draining';
      for (const listener of leaving) listener();
    },
  });
  return host;
}
