/**
 * The table: every setting of the house, once. Documents, the command and the
 * checks are made from it. Changing a name or a unit here breaks deployments.
 */
import { MAX_DELAY_MS } from '@org/core';

import { type ComponentName, COMPONENTS, type SwitchValues, switchSettings } from './components.ts';
import { parseNetworks, parseTrustProxy, type TrustProxy } from './networks.ts';
import type { Feed, Setting } from './setting.ts';

/** How much is logged, gravest first. */
export type LogLevel = 'SILENT' | 'FATAL' | 'ERROR' | 'WARN' | 'INFO' | 'DEBUG' | 'TRACE';

/** What becomes of a statement that one line asks for again and again. */
export type NPlusOne = 'off' | 'warn' | 'throw';

/** The values of the settings that are not made from the list of components. */
export interface GeneralValues {
  readonly CACHE_TTL: number;
  readonly CACHE_COMPRESS_THRESHOLD: number;
  readonly BATCH_WINDOW_MS: number;
  readonly MAX_BATCH_SIZE: number;
  readonly MAX_QUEUE_SIZE: number;
  readonly MAX_CONCURRENT: number;
  readonly CIRCUIT_ERROR_RATIO: number;
  readonly CIRCUIT_SLOW_CALL_MS: number | undefined;
  readonly CIRCUIT_WINDOW: number;
  readonly CIRCUIT_MIN_CALLS: number;
  readonly CIRCUIT_OPEN_TIME: number;
  readonly CIRCUIT_MAX_OPEN_TIME: number;
  readonly RETRY_MAX_ATTEMPTS: number;
  readonly PROFILER_STALL_MS: number;
  readonly LAZY_LOAD_MIDDLEWARE: boolean;
  readonly ENABLE_HEAVY_MIDDLEWARE: boolean;
  readonly ENABLE_ENHANCED_SECURITY: boolean;
  readonly THREAT_THRESHOLD: number;
  readonly THREAT_WINDOW: number;
  readonly ENABLE_IP_WHITELIST: boolean;
  readonly IP_WHITELIST: readonly string[] | undefined;
  readonly IP_DENYLIST: readonly string[] | undefined;
  readonly ENABLE_CSRF_PROTECTION: boolean;
  readonly ENABLE_PERFORMANCE_MONITORING: boolean;
  readonly ENABLE_POOL_MONITORING: boolean;
  readonly ENABLE_API_ANALYTICS: boolean;
  readonly ANALYTICS_SECRET: string | undefined;
  readonly ENABLE_OPENTELEMETRY: boolean;
  readonly ENABLE_ASYNC_CONTEXT: boolean;
  readonly RATE_LIMIT_MAX: number;
  readonly RATE_LIMIT_WINDOW: number;
  readonly ENABLE_DISTRIBUTED_RATE_LIMIT: boolean;
  readonly LOG_LEVEL: LogLevel;
  readonly REQUEST_TIMEOUT: number;
  readonly TASKS_FOLDER: string | undefined;
  readonly REDIS_URL: string | undefined;
  readonly REDIS_CLUSTER: boolean;
  readonly REDIS_KEY_PREFIX: string | undefined;
  readonly DATABASE_URL: string | undefined;
  readonly DATABASE_POOL_MAX: number;
  readonly N_PLUS_ONE: NPlusOne;
  readonly SLOW_QUERY_MS: number;
  readonly PORT: number;
  readonly TRUST_PROXY: TrustProxy;
  readonly WEBSOCKET_MAX_CONNECTIONS: number;
  readonly MONITORING_TOKEN: string | undefined;
}

/** The values of every setting of the house, by environment name. */
export type StandardValues = GeneralValues & SwitchValues<ComponentName>;

/** What the settings become: options of components, in the options' own units. */
export interface StandardOptions {
  readonly cache: { readonly ttlMs: number; readonly compressThresholdBytes: number };
  readonly batch: { readonly windowMs: number; readonly maxBatchSize: number };
  readonly queue: { readonly maxQueueSize: number; readonly maxConcurrent: number };
  readonly circuit: {
    readonly errorRatio: number;
    readonly slowCallMs?: number;
    readonly windowMs: number;
    readonly minimumCalls: number;
    readonly openMs: number;
    readonly maxOpenMs: number;
  };
  readonly timeout: { readonly timeoutMs: number };
  readonly retry: { readonly maxAttempts: number };
  readonly logging: { readonly level: LogLevel };
  readonly security: {
    readonly enhanced: boolean;
    readonly threatThreshold: number;
    readonly threatWindowMs: number;
    readonly allowOnly: boolean;
    readonly allow?: readonly string[];
    readonly deny?: readonly string[];
    readonly csrf: boolean;
    readonly access?: string;
  };
  readonly 'rate-limit': {
    readonly limit: number;
    readonly windowMs: number;
    readonly distributed: boolean;
  };
  readonly correlation: { readonly openTelemetry: boolean; readonly context: boolean };
  readonly db: {
    readonly url?: string;
    readonly max: number;
    readonly monitorPool: boolean;
    readonly access?: string;
  };
  readonly query: {
    readonly nPlusOne: NPlusOne;
    readonly slowAfterMs: number;
    readonly access?: string;
  };
  readonly redis: { readonly url?: string; readonly cluster: boolean; readonly keyPrefix?: string };
  readonly tasks: {
    readonly url?: string;
    readonly cluster: boolean;
    readonly folder?: string;
    readonly access?: string;
  };
  readonly catalogue: { readonly lazy: boolean };
  readonly health: { readonly access?: string };
  readonly metrics: { readonly openTelemetry: boolean; readonly access?: string };
  readonly analytics: { readonly access?: string; readonly secret?: string };
  readonly profiler: { readonly stallMs: number; readonly access?: string };
  readonly dashboard: { readonly access?: string };
  readonly devtools: { readonly access?: string };
  readonly websocket: { readonly maxConnections: number; readonly access?: string };
  readonly openapi: { readonly access?: string };
  readonly setup: { readonly allowHeavy: boolean; readonly monitoring?: string };
  readonly express: { readonly 'trust proxy': TrustProxy };
  readonly server: { readonly port: number };
}

/** The longest duration in whole seconds that a timer takes. */
const MAX_DELAY_S = Math.floor(MAX_DELAY_MS / 1000);

/** The most that a limit counts. */
const MAX_UNITS = 2 ** 31 - 1;
const NETWORKS = 'addresses and networks with commas between (192.0.2.7, 10.0.0.0/8)';

const to = (component: keyof StandardOptions, option: string, factor: number = 1): Feed[] => [
  { component, option, factor },
];

const GENERAL_SETTINGS: { readonly [K in keyof GeneralValues]: Setting } = {
  CACHE_TTL: {
    type: 'integer',
    unit: 's',
    default: 300,
    min: 0,
    max: MAX_DELAY_S,
    feeds: to('cache', 'ttlMs', 1000),
    help: 'How long an answer without a freshness of its own is kept; 0 leaves it to HTTP (RFC 9111).',
  },
  CACHE_COMPRESS_THRESHOLD: {
    type: 'integer',
    unit: 'bytes',
    default: 1024,
    min: 0,
    feeds: to('cache', 'compressThresholdBytes'),
    help: 'Kept bodies from this size on are compressed.',
  },
  BATCH_WINDOW_MS: {
    type: 'integer',
    unit: 'ms',
    default: 50,
    min: 0,
    max: 60_000,
    feeds: to('batch', 'windowMs'),
    help: 'How long a batch waits for more members.',
  },
  MAX_BATCH_SIZE: {
    type: 'integer',
    default: 100,
    min: 1,
    max: 100_000,
    feeds: to('batch', 'maxBatchSize'),
    help: 'Members at which a batch does not wait any longer.',
  },
  MAX_QUEUE_SIZE: {
    type: 'integer',
    default: 1000,
    min: 0,
    feeds: to('queue', 'maxQueueSize'),
    help: 'Requests that may wait for a permit; further ones are refused.',
  },
  MAX_CONCURRENT: {
    type: 'integer',
    default: 100,
    min: 1,
    feeds: to('queue', 'maxConcurrent'),
    help: 'Requests that may be worked on at once.',
  },
  CIRCUIT_ERROR_RATIO: {
    type: 'number',
    default: 0.5,
    min: 0.01,
    max: 1,
    feeds: to('circuit', 'errorRatio'),
    help: 'Share of calls that have to fail for a circuit to open.',
  },
  CIRCUIT_SLOW_CALL_MS: {
    type: 'integer',
    unit: 'ms',
    min: 1,
    max: MAX_DELAY_MS,
    feeds: to('circuit', 'slowCallMs'),
    help: 'How long a call takes until it counts as slow; no call is slow when absent.',
  },
  CIRCUIT_WINDOW: {
    type: 'integer',
    unit: 's',
    default: 10,
    min: 1,
    max: MAX_DELAY_S,
    feeds: to('circuit', 'windowMs', 1000),
    help: 'How long a call counts for a circuit.',
  },
  CIRCUIT_MIN_CALLS: {
    type: 'integer',
    default: 10,
    min: 1,
    feeds: to('circuit', 'minimumCalls'),
    help: 'Calls within that time that a circuit needs to open.',
  },
  CIRCUIT_OPEN_TIME: {
    type: 'integer',
    unit: 's',
    default: 5,
    min: 1,
    max: 1_000_000,
    atMost: 'CIRCUIT_MAX_OPEN_TIME',
    feeds: to('circuit', 'openMs', 1000),
    help: 'How long a circuit stays open at first.',
  },
  CIRCUIT_MAX_OPEN_TIME: {
    type: 'integer',
    unit: 's',
    default: 60,
    min: 1,
    max: 1_000_000,
    feeds: to('circuit', 'maxOpenMs', 1000),
    help: 'The longest that a circuit stays open before it is tried again.',
  },
  RETRY_MAX_ATTEMPTS: {
    type: 'integer',
    default: 3,
    min: 1,
    max: 1000,
    feeds: to('retry', 'maxAttempts'),
    help: 'Attempts of a call to another service, the first among them; 1: none is repeated.',
  },
  PROFILER_STALL_MS: {
    type: 'integer',
    unit: 'ms',
    default: 250,
    min: 20,
    max: 3_600_000,
    feeds: to('profiler', 'stallMs'),
    help: 'An event loop that has not turned for so long stands still, and is profiled.',
  },
  LAZY_LOAD_MIDDLEWARE: {
    type: 'boolean',
    default: true,
    feeds: to('catalogue', 'lazy'),
    help: 'Whether components are imported when they are needed first.',
  },
  ENABLE_HEAVY_MIDDLEWARE: {
    type: 'boolean',
    default: false,
    feeds: to('setup', 'allowHeavy'),
    help: 'Whether components that declare themselves heavy take part.',
  },
  ENABLE_ENHANCED_SECURITY: {
    type: 'boolean',
    default: true,
    feeds: to('security', 'enhanced'),
    help: 'Whether requests are searched for attacks, beyond the headers that are set.',
  },
  THREAT_THRESHOLD: {
    type: 'integer',
    default: 5,
    min: 1,
    feeds: to('security', 'threatThreshold'),
    help: 'Threats from one address, within the window, that block it.',
  },
  THREAT_WINDOW: {
    type: 'integer',
    unit: 's',
    default: 300,
    min: 1,
    max: MAX_DELAY_S,
    feeds: to('security', 'threatWindowMs', 1000),
    help: 'How long a threat counts.',
  },
  ENABLE_IP_WHITELIST: {
    type: 'boolean',
    default: false,
    feeds: to('security', 'allowOnly'),
    help: 'Whether only the addresses of IP_WHITELIST are let in.',
  },
  IP_WHITELIST: {
    type: 'custom',
    expected: NETWORKS,
    parse: parseNetworks,
    feeds: to('security', 'allow'),
    help: 'Addresses and networks that are never blocked.',
  },
  IP_DENYLIST: {
    type: 'custom',
    expected: NETWORKS,
    parse: parseNetworks,
    feeds: to('security', 'deny'),
    help: 'Addresses and networks that are always refused.',
  },
  ENABLE_CSRF_PROTECTION: {
    type: 'boolean',
    default: false,
    feeds: to('security', 'csrf'),
    help: 'Whether unsafe requests from other sites are refused.',
  },
  ENABLE_PERFORMANCE_MONITORING: {
    type: 'boolean',
    default: true,
    gates: ['metrics', 'profiler'],
    help: 'Whether metrics and the profiler take part.',
  },
  ENABLE_POOL_MONITORING: {
    type: 'boolean',
    default: true,
    feeds: to('db', 'monitorPool'),
    help: 'Whether the state of the database pool is measured.',
  },
  ENABLE_API_ANALYTICS: {
    type: 'boolean',
    default: true,
    gates: ['analytics'],
    help: 'Whether the use of the API is counted.',
  },
  ANALYTICS_SECRET: {
    type: 'text',
    pattern: /^\S{16,}$/,
    expected: 'a secret of at least 16 characters, without spaces',
    secret: true,
    feeds: to('analytics', 'secret'),
    help: 'Keys the hashes of consumers, alike in every process; a random one of each process when absent.',
  },
  ENABLE_OPENTELEMETRY: {
    type: 'boolean',
    default: false,
    feeds: [...to('correlation', 'openTelemetry'), ...to('metrics', 'openTelemetry')],
    help: 'Whether traces and metrics go to the OpenTelemetry SDK that the app has set up.',
  },
  ENABLE_ASYNC_CONTEXT: {
    type: 'boolean',
    default: false,
    feeds: to('correlation', 'context'),
    help: 'Whether code without the request at hand knows whom it works for; it costs at every `await`.',
  },
  RATE_LIMIT_MAX: {
    type: 'integer',
    default: 100,
    min: 1,
    max: MAX_UNITS,
    feeds: to('rate-limit', 'limit'),
    help: 'Requests that a client may make in a window.',
  },
  RATE_LIMIT_WINDOW: {
    type: 'integer',
    unit: 's',
    default: 60,
    min: 1,
    max: MAX_DELAY_S,
    feeds: to('rate-limit', 'windowMs', 1000),
    help: 'Length of that window.',
  },
  ENABLE_DISTRIBUTED_RATE_LIMIT: {
    type: 'boolean',
    default: false,
    feeds: to('rate-limit', 'distributed'),
    help: 'Whether processes share their limits, in Redis.',
  },
  LOG_LEVEL: {
    type: 'choice',
    choices: ['SILENT', 'FATAL', 'ERROR', 'WARN', 'INFO', 'DEBUG', 'TRACE'],
    // As logging reads the levels of winston, pino and syslog.
    aliases: {
      off: 'SILENT',
      none: 'SILENT',
      crit: 'FATAL',
      critical: 'FATAL',
      warning: 'WARN',
      notice: 'INFO',
      http: 'INFO',
      verbose: 'DEBUG',
      silly: 'TRACE',
    },
    default: 'INFO',
    feeds: to('logging', 'level'),
    help: 'The least grave level that is written.',
  },
  REQUEST_TIMEOUT: {
    type: 'integer',
    unit: 's',
    default: 30,
    min: 1,
    max: MAX_DELAY_S,
    feeds: to('timeout', 'timeoutMs', 1000),
    help: 'How long a request may take.',
  },
  TASKS_FOLDER: {
    type: 'text',
    feeds: to('tasks', 'folder'),
    help: 'The folder that background jobs are kept in; without it, or Redis, they end with the process.',
  },
  REDIS_URL: {
    type: 'url',
    protocols: ['redis:', 'rediss:'],
    secret: true,
    feeds: [...to('redis', 'url'), ...to('tasks', 'url')],
    help: 'Redis for the state and the jobs that processes share; memory when absent.',
  },
  REDIS_CLUSTER: {
    type: 'boolean',
    default: false,
    feeds: [...to('redis', 'cluster'), ...to('tasks', 'cluster')],
    help: 'Whether REDIS_URL is a node of a Redis Cluster, which tells of the others.',
  },
  REDIS_KEY_PREFIX: {
    type: 'text',
    pattern: /^\S+$/,
    expected: 'a prefix without spaces',
    feeds: to('redis', 'keyPrefix'),
    help: 'What the keys of shared state begin with; each service of a Redis needs its own.',
  },
  DATABASE_URL: {
    type: 'url',
    protocols: ['postgres:', 'postgresql:'],
    secret: true,
    feeds: to('db', 'url'),
    help: 'The Postgres database.',
  },
  DATABASE_POOL_MAX: {
    type: 'integer',
    default: 10,
    min: 1,
    max: 10_000,
    feeds: to('db', 'max'),
    help: 'Connections to the database that each process may have.',
  },
  N_PLUS_ONE: {
    type: 'choice',
    choices: ['off', 'warn', 'throw'],
    default: 'warn',
    feeds: to('query', 'nPlusOne'),
    help: 'What happens when a request asks for one statement again and again from one line.',
  },
  SLOW_QUERY_MS: {
    type: 'integer',
    unit: 'ms',
    default: 200,
    min: 0,
    max: 3_600_000,
    feeds: to('query', 'slowAfterMs'),
    help: 'From when on a statement is slow.',
  },
  PORT: {
    type: 'integer',
    default: 3000,
    min: 0,
    max: 65_535,
    feeds: to('server', 'port'),
    help: 'Port to listen on; 0 takes a free one.',
  },
  TRUST_PROXY: {
    type: 'custom',
    default: false,
    expected:
      'false, true, a number of proxies, or addresses and subnets with commas between (loopback, 10.0.0.0/8)',
    parse: parseTrustProxy,
    feeds: to('express', 'trust proxy'),
    help: 'Which proxies may say who the client is.',
  },
  WEBSOCKET_MAX_CONNECTIONS: {
    type: 'integer',
    default: 10_000,
    min: 1,
    feeds: to('websocket', 'maxConnections'),
    help: 'WebSockets that one process keeps open; further ones are refused.',
  },
  MONITORING_TOKEN: {
    type: 'text',
    pattern: /^\S{16,}$/,
    expected: 'a token of at least 16 characters, without spaces',
    secret: true,
    feeds: [
      ...to('setup', 'monitoring'),
      ...to('health', 'access'),
      ...to('security', 'access'),
      ...to('db', 'access'),
      ...to('query', 'access'),
      ...to('metrics', 'access'),
      ...to('analytics', 'access'),
      ...to('profiler', 'access'),
      ...to('dashboard', 'access'),
      ...to('devtools', 'access'),
      ...to('tasks', 'access'),
      ...to('websocket', 'access'),
      ...to('openapi', 'access'),
    ],
    help: 'Opens the monitoring routes to whoever brings it, and to nobody else; without it they are open to loopback.',
  },
};

/** Every setting of the house. */
export const SETTINGS: { readonly [K in keyof StandardValues]: Setting } = Object.freeze({
  ...GENERAL_SETTINGS,
  ...switchSettings(COMPONENTS),
}) as { readonly [K in keyof StandardValues]: Setting };
