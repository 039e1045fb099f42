/** What is measured: the question, who answers it, and which packages of others take part. */
import { NOOPS } from './servers/routes.ts';
import type { Figure } from './table.ts';

export interface Contender {
  /** The file in `servers/`, without its ending; for `calls` the name in `calls/<bench>`. */
  readonly server: string;
  readonly label: string;
  /** It claims to do the jobs of `same-jobs.ts`. */
  readonly doesJobs?: true;
}

export interface Bench {
  readonly name: string;
  readonly kind:
    | 'throughput'
    | 'startup'
    | 'trace'
    | 'overload'
    | 'statements'
    | 'broadcast'
    | 'cpu'
    | 'inside'
    | 'calls';
  /** What is asked for, also before the first round, to compare the answers. @default "/" */
  readonly path?: string;
  /** Headers of the load's requests. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The body of POSTs, each with a new `Idempotency-Key`. @default GETs */
  readonly post?: string;
  /** Of `calls`: what is told beside the time. */
  readonly figures?: readonly Figure[];
  /** The first one is what the others are compared with. */
  readonly contenders: readonly Contender[];
  /** Packages of others, whose versions are told. */
  readonly peers: readonly string[];
}

const BARE: Contender = { server: 'bare', label: 'bare Express' };

const STACK: readonly Contender[] = [
  { server: 'npm-stack', label: 'assembled from npm', doesJobs: true },
  { server: 'stack-used', label: 'ours, `app.use`', doesJobs: true },
  { server: 'stack', label: 'ours, `stack.listen`', doesJobs: true },
];

const STACK_PEERS: readonly string[] = [
  'express',
  'cls-rtracer',
  'winston',
  'express-winston',
  '@godaddy/terminus',
  'http-errors',
];

const STANDARD_PEERS: readonly string[] = [
  ...STACK_PEERS,
  'helmet',
  'express-rate-limit',
  'compression',
  'connect-timeout',
];

const CACHES: readonly Contender[] = [
  { server: 'cache-raw', label: '`node:http`, the same bytes' },
  BARE,
  { server: 'cache-apicache', label: 'apicache' },
  { server: 'cache-used', label: 'ours, `app.use`' },
  { server: 'cache-setup', label: 'ours, `stack.listen`' },
];

const OVERLOADED: readonly Contender[] = [
  { server: 'overload-bare', label: 'bare Express' },
  { server: 'overload-toobusy', label: 'toobusy-js' },
  { server: 'overload-protection', label: 'overload-protection' },
  { server: 'overload-express-queue', label: 'express-queue' },
  { server: 'overload-used', label: 'ours, `app.use`' },
  { server: 'overload-setup', label: 'ours, `stack.listen`' },
  { server: 'overload-gradient', label: 'ours, `gradient`' },
];

const OVERLOAD_PEERS: readonly string[] = [
  'express',
  'toobusy-js',
  'overload-protection',
  'express-queue',
];

const BROADCASTS: readonly Contender[] = [
  { server: 'broadcast-ws', label: 'ws' },
  { server: 'broadcast-ws-prepared', label: 'ws, one frame made by hand' },
  { server: 'broadcast-socket-io', label: 'socket.io' },
  { server: 'broadcast', label: 'ours' },
];

const LOADERS: readonly Contender[] = [
  { server: 'dataloader', label: 'dataloader' },
  { server: 'batch', label: 'ours' },
];

const DEDUP: readonly Bench[] = [
  {
    name: 'idempotency',
    kind: 'throughput',
    headers: { 'content-type': 'application/json' },
    post: JSON.stringify({ from: 'acc-1', to: 'acc-2', amount: 1200, currency: 'EUR' }),
    contenders: [
      { server: 'keyed-bare', label: 'bare Express, keys ignored' },
      { server: 'keyed-express-idempotency', label: 'express-idempotency' },
      { server: 'keyed-used', label: 'ours, `app.use`' },
      { server: 'keyed-setup', label: 'ours, `stack.listen`' },
    ],
    peers: ['express', 'express-idempotency'],
  },
  {
    name: 'coalescing',
    kind: 'throughput',
    contenders: [
      { server: 'costly-bare', label: 'bare Express' },
      { server: 'costly-used', label: 'ours, `app.use`' },
      { server: 'costly-setup', label: 'ours, `stack.listen`' },
    ],
    peers: ['express'],
  },
];

function compressions(size: string): readonly Contender[] {
  return [
    { server: `compression-peer-${size}`, label: '`compression`' },
    { server: `compression-bare-${size}`, label: 'bare Express, plain' },
    { server: `compression-used-${size}`, label: 'ours, `app.use`' },
    { server: `compression-setup-${size}`, label: 'ours, `stack.listen`' },
  ];
}

export const BENCHES: readonly Bench[] = [
  {
    name: 'pipeline',
    kind: 'throughput',
    contenders: [
      BARE,
      { server: 'noops-used', label: `${NOOPS} no-ops, \`app.use\`` },
      { server: 'noops-setup-mounted', label: `${NOOPS} no-ops, \`setup\` and \`app.listen\`` },
      { server: 'noops-setup', label: `${NOOPS} no-ops, \`stack.listen\`` },
    ],
    peers: ['express'],
  },
  { name: 'stack', kind: 'throughput', contenders: [BARE, ...STACK], peers: STACK_PEERS },
  {
    name: 'standard',
    kind: 'throughput',
    path: '/fresh',
    contenders: [
      BARE,
      { server: 'npm-standard', label: 'assembled from npm', doesJobs: true },
      { server: 'standard-used', label: 'ours, `setup` and `app.listen`', doesJobs: true },
      { server: 'standard', label: 'ours, `stack.listen`', doesJobs: true },
    ],
    peers: STANDARD_PEERS,
  },
  {
    name: 'standard-cpu',
    kind: 'cpu',
    path: '/fresh',
    contenders: [
      BARE,
      { server: 'npm-standard', label: 'assembled from npm' },
      { server: 'noop-setup', label: 'a step that does nothing, `stack.listen`' },
      { server: 'standard-used', label: 'ours, `setup` and `app.listen`' },
      { server: 'standard', label: 'ours, `stack.listen`' },
    ],
    peers: STANDARD_PEERS,
  },
  { name: 'cache-hit', kind: 'throughput', contenders: CACHES, peers: ['express', 'apicache'] },
  {
    name: 'cache-hit-gzip',
    kind: 'throughput',
    headers: { 'accept-encoding': 'gzip' },
    contenders: CACHES,
    peers: ['express', 'apicache'],
  },
  {
    name: 'cache-hit-inside',
    kind: 'inside',
    contenders: [
      { server: 'inside-bare', label: 'bare Express' },
      { server: 'inside-cache', label: 'a hit, the cache alone' },
      { server: 'inside-standard', label: 'a hit, the whole family' },
    ],
    peers: ['express'],
  },
  {
    name: 'cache-mixed',
    kind: 'trace',
    path: '/api/countries/NZ',
    contenders: [
      { server: 'places', label: 'no cache' },
      { server: 'places-apicache', label: 'apicache' },
      { server: 'places-cache', label: 'ours' },
    ],
    peers: ['express', 'apicache'],
  },
  {
    name: 'overload',
    kind: 'overload',
    path: '/waits',
    contenders: OVERLOADED,
    peers: OVERLOAD_PEERS,
  },
  {
    name: 'overload-cpu',
    kind: 'overload',
    path: '/computes',
    contenders: OVERLOADED,
    peers: OVERLOAD_PEERS,
  },
  {
    name: 'timeout',
    kind: 'throughput',
    contenders: [
      BARE,
      { server: 'timeout-peer', label: 'connect-timeout' },
      { server: 'timeout-used', label: 'ours, `app.use`' },
      { server: 'timeout-setup', label: 'ours, `stack.listen`' },
    ],
    peers: ['express', 'connect-timeout'],
  },
  {
    name: 'dashboard',
    kind: 'throughput',
    contenders: [
      BARE,
      { server: 'dashboard-used', label: 'ours, `app.use`' },
      { server: 'dashboard-setup', label: 'ours, `stack.listen`' },
    ],
    peers: ['express'],
  },
  {
    name: 'devtools',
    kind: 'throughput',
    contenders: [
      BARE,
      { server: 'devtools-used', label: 'ours, `app.use`' },
      { server: 'devtools-setup', label: 'ours, `stack.listen`' },
    ],
    peers: ['express'],
  },
  {
    name: 'analytics',
    kind: 'throughput',
    contenders: [
      BARE,
      { server: 'analytics-used', label: 'ours, `app.use`' },
      { server: 'analytics-without', label: '`setup` without it, `stack.listen`' },
      { server: 'analytics-setup', label: 'ours, `stack.listen`' },
    ],
    peers: ['express'],
  },
  {
    name: 'rate-limit',
    kind: 'throughput',
    contenders: [
      BARE,
      { server: 'rate-limit-peer', label: 'express-rate-limit' },
      { server: 'rate-limit-used', label: 'ours, `app.use`' },
      { server: 'rate-limit-setup', label: 'ours, `stack.listen`' },
    ],
    peers: ['express', 'express-rate-limit'],
  },
  {
    name: 'rate-limit-decision',
    kind: 'calls',
    contenders: [
      { server: 'express-rate-limit', label: 'express-rate-limit, with fields' },
      { server: 'rate-limiter-flexible', label: 'rate-limiter-flexible, without' },
      { server: 'ours', label: 'ours, with fields' },
    ],
    peers: ['express-rate-limit', 'rate-limiter-flexible'],
  },
  {
    name: 'rate-limit-redis',
    kind: 'calls',
    figures: [
      { key: 'admittedPercent', title: '% of the limit admitted', digits: 1, alone: true },
      { key: 'commands', title: 'commands/decision', digits: 2, alone: true },
    ],
    contenders: [
      { server: 'flexible-redis', label: 'rate-limiter-flexible' },
      { server: 'flexible-block', label: 'rate-limiter-flexible, refusals kept in memory' },
      { server: 'memory', label: 'ours, each process alone' },
      { server: 'fixed', label: 'ours, `fixed`' },
      { server: 'fixed-leased', label: 'ours, `fixed`, `leaseUnits: 10`' },
      { server: 'sliding', label: 'ours, `sliding`' },
      { server: 'sliding-leased', label: 'ours, `sliding`, `leaseUnits: 10`' },
    ],
    peers: ['rate-limiter-flexible', 'ioredis'],
  },
  {
    name: 'observers',
    kind: 'throughput',
    contenders: [
      { server: 'noop-setup', label: 'a step that does nothing' },
      { server: 'correlation-setup', label: 'correlation' },
      { server: 'logging-setup', label: 'logging' },
      { server: 'metrics-setup', label: 'metrics' },
      { server: 'analytics-setup', label: 'analytics' },
      { server: 'profiler-setup', label: 'profiler, asked nothing' },
      { server: 'dashboard-setup', label: 'dashboard, watched by nobody' },
      { server: 'observers-setup', label: 'all of them' },
      BARE,
    ],
    peers: ['express'],
  },
  {
    name: 'metrics',
    kind: 'throughput',
    contenders: [
      { server: 'metrics-none', label: '`setup` alone, `stack.listen`' },
      { server: 'metrics-setup', label: 'with our metrics, `stack.listen`' },
      BARE,
      { server: 'metrics-used', label: 'with our metrics, `app.use`' },
      { server: 'metrics-prom-client', label: 'with a prom-client histogram by hand' },
      { server: 'metrics-prom-bundle', label: 'with express-prom-bundle' },
    ],
    peers: ['express', 'prom-client', 'express-prom-bundle'],
  },
  {
    name: 'metric-recorded',
    kind: 'calls',
    contenders: [
      { server: 'prom-client-labels', label: 'prom-client, by labels' },
      { server: 'prom-client-kept', label: 'prom-client, a series that is kept' },
      { server: 'labels', label: 'ours, by labels' },
      { server: 'kept', label: 'ours, a series that is kept' },
      { server: 'counter', label: 'ours, a counter' },
    ],
    peers: ['prom-client'],
  },
  {
    name: 'security-headers',
    kind: 'throughput',
    contenders: [
      { server: 'headers-helmet', label: 'helmet' },
      BARE,
      { server: 'headers-used', label: 'ours, `app.use`' },
      { server: 'headers-setup', label: 'ours, `stack.listen`' },
    ],
    peers: ['express', 'helmet'],
  },
  {
    name: 'security-reputation',
    kind: 'calls',
    contenders: [
      { server: 'idle', label: 'nobody is blocked' },
      { server: 'blocks', label: '1,000 others are blocked' },
      { server: 'deny', label: 'a list of 100 networks' },
    ],
    peers: [],
  },
  {
    name: 'statements',
    kind: 'statements',
    path: '/api/cities?include=country&limit=50',
    contenders: [
      { server: 'places-one-by-one', label: 'a statement for each row' },
      { server: 'places-dataloader', label: 'dataloader, by request' },
      { server: 'places', label: 'ours, by request' },
    ],
    peers: ['express', 'dataloader'],
  },
  {
    name: 'batch-load',
    kind: 'calls',
    contenders: LOADERS,
    peers: ['dataloader'],
  },
  {
    name: 'batch-load-again',
    kind: 'calls',
    contenders: LOADERS,
    peers: ['dataloader'],
  },
  {
    name: 'circuit-closed',
    kind: 'calls',
    contenders: [
      { server: 'plain', label: 'the call alone' },
      { server: 'opossum', label: 'opossum' },
      { server: 'cockatiel', label: 'cockatiel' },
      { server: 'circuit', label: 'ours' },
    ],
    peers: ['opossum', 'cockatiel'],
  },
  {
    name: 'di-scope',
    kind: 'calls',
    contenders: [
      { server: 'hand', label: 'by hand' },
      { server: 'awilix', label: 'awilix' },
      { server: 'di', label: 'ours' },
    ],
    peers: ['awilix'],
  },
  {
    name: 'db-pool',
    kind: 'calls',
    contenders: [
      { server: 'plain', label: 'a pool of pg' },
      { server: 'watched', label: 'the same, watched' },
    ],
    peers: ['pg'],
  },
  {
    name: 'query-watch',
    kind: 'calls',
    contenders: [
      { server: 'session', label: 'a statement, our session' },
      { server: 'watched-session', label: 'the same, watched' },
      { server: 'pool', label: 'a statement, pool of pg' },
      { server: 'watched-pool', label: 'the same, watched' },
    ],
    peers: ['pg'],
  },
  {
    name: 'query-pages',
    kind: 'calls',
    contenders: [
      { server: 'offset', label: 'the 2500th page, by offset' },
      { server: 'keyset', label: 'the 2500th page, by keyset' },
      { server: 'one-by-one', label: 'lists of 20 rows, one by one' },
      { server: 'eager', label: 'lists of 20 rows, eager' },
    ],
    peers: ['pg'],
  },
  {
    name: 'db-session',
    kind: 'calls',
    contenders: [
      { server: 'pool-statement', label: 'a statement, pool of pg' },
      { server: 'session-statement', label: 'a statement, our session' },
      { server: 'pool-transaction', label: 'a transaction, pool of pg' },
      { server: 'session-transaction', label: 'a transaction, our session' },
    ],
    peers: ['pg'],
  },
  {
    name: 'redis-store',
    kind: 'calls',
    contenders: [
      { server: 'get-ioredis', label: 'get, ioredis' },
      { server: 'get-pipelined', label: 'get, ioredis, `enableAutoPipelining`' },
      { server: 'get-store', label: 'get, our store' },
      { server: 'set-ioredis', label: 'set, ioredis' },
      { server: 'set-store', label: 'set, our store' },
      { server: 'claim-ioredis', label: 'claim, ioredis' },
      { server: 'claim-store', label: 'claim, our store' },
      { server: 'add-ioredis', label: 'add, ioredis' },
      { server: 'add-store', label: 'add, our store' },
      { server: 'get-one-ioredis', label: 'gets one by one, ioredis' },
      { server: 'get-one-pipelined', label: 'gets one by one, ioredis, `enableAutoPipelining`' },
      { server: 'get-one-store', label: 'gets one by one, our store' },
    ],
    peers: ['ioredis'],
  },
  {
    name: 'retry-success',
    kind: 'calls',
    contenders: [
      { server: 'bare', label: 'the call itself' },
      { server: 'cockatiel', label: 'cockatiel' },
      { server: 'p-retry', label: 'p-retry' },
      { server: 'retry', label: 'ours' },
    ],
    peers: ['cockatiel', 'p-retry'],
  },
  {
    name: 'tasks',
    kind: 'calls',
    contenders: [
      { server: 'bullmq', label: 'BullMQ, Redis in memory' },
      { server: 'durable', label: 'ours, durable, fsync always' },
      { server: 'memory', label: 'ours, in memory' },
    ],
    peers: ['bullmq'],
  },
  {
    name: 'profiler',
    kind: 'throughput',
    contenders: [
      { server: 'noop-setup', label: 'a step that does nothing, `stack.listen`' },
      { server: 'profiler-calm', label: 'ours without stalls, `stack.listen`' },
      { server: 'profiler-setup', label: 'ours, `stack.listen`' },
      BARE,
      { server: 'profiler-used', label: 'ours, `app.use`' },
    ],
    peers: ['express'],
  },
  {
    name: 'profiled-call',
    kind: 'calls',
    contenders: [
      { server: 'plain', label: 'the call itself' },
      { server: 'timerify', label: '`performance.timerify`' },
      { server: 'ours', label: 'ours' },
      { server: 'nested', label: 'ours, one within another' },
      { server: 'plain-await', label: 'an async call itself, awaited' },
      { server: 'await', label: 'ours, async, awaited' },
    ],
    peers: [],
  },
  {
    name: 'route',
    kind: 'calls',
    contenders: [
      { server: 'by-hand', label: 'zod by hand' },
      { server: 'route', label: 'ours' },
    ],
    peers: ['zod'],
  },
  {
    name: 'threats',
    kind: 'calls',
    contenders: [
      { server: 'ordinary', label: 'path, query and headers, 258 bytes' },
      { server: 'attack', label: 'the same with SQL injection' },
      { server: 'comment', label: 'a comment as JSON, 190 bytes' },
      { server: 'markdown', label: 'Markdown, 10 KB' },
    ],
    peers: ['express'],
  },
  {
    name: 'early-return',
    kind: 'throughput',
    contenders: [
      { server: 'early-route', label: 'a route of Express' },
      { server: 'early-used', label: 'ours, a rule, `app.use`' },
      { server: 'early-setup', label: 'ours, a rule, `stack.listen`' },
    ],
    peers: ['express'],
  },
  {
    name: 'compression-1k',
    kind: 'throughput',
    headers: { 'accept-encoding': 'gzip' },
    contenders: compressions('1k'),
    peers: ['express', 'compression'],
  },
  {
    name: 'compression-10k',
    kind: 'throughput',
    headers: { 'accept-encoding': 'gzip' },
    contenders: compressions('10k'),
    peers: ['express', 'compression'],
  },
  {
    name: 'transform',
    kind: 'throughput',
    path: '/?fields=id,name,trips',
    contenders: [
      { server: 'transform-by-hand', label: 'chosen by hand, in the handler' },
      { server: 'transform-peer', label: 'express-partial-response' },
      { server: 'transform-used', label: 'ours, `app.use`' },
      { server: 'transform-setup', label: 'ours, `stack.listen`' },
    ],
    peers: ['express', 'express-partial-response'],
  },
  {
    name: 'versioning',
    kind: 'throughput',
    contenders: [
      { server: 'versioning-by-hand', label: 'two changes by hand, in the handler' },
      { server: 'versioning-used', label: 'ours, `app.use`' },
      { server: 'versioning-setup', label: 'ours, `stack.listen`' },
    ],
    peers: ['express'],
  },
  ...DEDUP,
  {
    name: 'broadcast',
    kind: 'broadcast',
    path: '/batch?burst=1',
    contenders: BROADCASTS,
    peers: ['ws', 'socket.io'],
  },
  {
    name: 'broadcast-burst',
    kind: 'broadcast',
    path: '/batch?burst=10',
    contenders: BROADCASTS,
    peers: ['ws', 'socket.io'],
  },
  {
    name: 'startup',
    kind: 'startup',
    contenders: [
      BARE,
      ...STACK.filter(({ server }) => server !== 'stack-used'),
      { server: 'stack-lazy', label: 'ours, lazy', doesJobs: true },
      { server: 'npm-standard', label: 'twice as many jobs, npm', doesJobs: true },
      { server: 'standard', label: 'the whole family', doesJobs: true },
      { server: 'standard-lazy', label: 'the whole family, lazy', doesJobs: true },
    ],
    peers: STANDARD_PEERS,
  },
];
