/** What analytics can be told. */
import {
  bytes,
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  durationMs,
  either,
  type Exchange,
  func,
  type Given,
  integer,
  listOf,
  monitoringAccess,
  type MonitoringAccess,
  OptionError,
  resolveOptions,
  shape,
  systemClock,
  text,
} from '@org/core';

import type { AnalyticsStore } from './analytics-store.ts';
import { DAY_MS, HOUR_MS, type Retention } from './tiers.ts';

export interface AnalyticsOptions {
  /** Where the routes of the reports begin. @default "/api/analytics" */
  readonly path: string;
  /** Who may read reports, in place of loopback callers: the bearer of a token, or whom a function lets in. @default loopback only */
  readonly access: MonitoringAccess | undefined;
  /** Where use is kept. @default a store in memory, of its own */
  readonly store: AnalyticsStore | undefined;
  /**
   * Keys the hashes of consumers. Of several the first one is used, and the others are earlier
   * ones, so that what they hashed can still be erased. Instances that share a store share it.
   * @default a random one, until the process ends
   */
  readonly secret: string | readonly string[] | undefined;
  /** Names who is calling where there is no principal; nothing: the client's network does. @default nobody */
  readonly consumer: ((exchange: Exchange) => string | undefined) | undefined;
  /** How much of an IPv4 address counts, in bits. @default 24 */
  readonly ipv4PrefixBits: number;
  /** How much of an IPv6 address counts, in bits. @default 48 */
  readonly ipv6PrefixBits: number;
  /** Fewer consumers than this are shown as no more than that; a consumer of fewer requests is not listed. @default 5 */
  readonly smallestGroup: number;
  /** Endpoints that are counted each for itself; the rest as one. @default 500 */
  readonly maxEndpoints: number;
  /** Consumers that are watched at once: no count is too high by more than all requests / this. @default 500 */
  readonly maxConsumers: number;
  /** For how long minutes, hours and days are kept, in ms. @default 48 hours, 90 days, 2 years */
  readonly retentionMs: Given<Retention>;
  /** How often what was counted goes to the store, in ms: what a crash loses at most. @default 10_000 */
  readonly flushMs: number;
  /** How long rows wait for a store that fails, in ms. @default 3_600_000 */
  readonly maxPendingMs: number;
  /** Room for rows that wait, in bytes. @default 16 MiB */
  readonly maxPendingBytes: number;
  /** How long one call of the store may take, in ms. @default 5_000 */
  readonly storeTimeoutMs: number;
  /** Names this instance in its rows, for people who look into them. @default "app" */
  readonly instance: string;
  /** Where time comes from. @default the machine's clock */
  readonly clock: Clock;
}

export const ANALYTICS_DEFAULTS: Readonly<AnalyticsOptions> = Object.freeze<AnalyticsOptions>({
  path: '/api/analytics',
  access: undefined,
  store: undefined,
  secret: undefined,
  consumer: undefined,
  ipv4PrefixBits: 24,
  ipv6PrefixBits: 48,
  smallestGroup: 5,
  maxEndpoints: 500,
  maxConsumers: 500,
  retentionMs: Object.freeze<Retention>({
    minute: 48 * HOUR_MS,
    hour: 90 * DAY_MS,
    day: 730 * DAY_MS,
  }),
  flushMs: 10_000,
  maxPendingMs: HOUR_MS,
  maxPendingBytes: 16 * 1024 * 1024,
  storeTimeoutMs: 5_000,
  instance: 'app',
  clock: systemClock,
});

/** Short secrets can be guessed, and with them who a hash is. */
const SECRET: Check<string> = text({
  expected: 'a secret of at least 16 characters',
  pattern: /^.{16,}$/s,
});

const SECRETS: Check<readonly string[]> = {
  expected: 'a list of them, the current one first',
  accepts: (value): value is readonly string[] => listOf(SECRET).accepts(value) && value.length > 0,
};

const RETENTION_CHECKS: Checks<Retention> = {
  minute: integer({ min: 2 * HOUR_MS }),
  hour: integer({ min: 2 * DAY_MS }),
  day: integer({ min: 2 * DAY_MS }),
};

const CHECKS: Checks<AnalyticsOptions> = {
  path: text({ expected: 'a path such as /api/analytics', pattern: /^(?:\/[\w.~-]+)+$/ }),
  access: monitoringAccess,
  store: shape<AnalyticsStore>('a store', [
    'put',
    'read',
    'replace',
    'unrolled',
    'prune',
    'remove',
  ]),
  secret: either(SECRET, SECRETS),
  consumer: func<(exchange: Exchange) => string | undefined>(),
  ipv4PrefixBits: integer({ min: 1, max: 32 }),
  ipv6PrefixBits: integer({ min: 1, max: 128 }),
  smallestGroup: integer({ min: 1 }),
  maxEndpoints: integer({ min: 1, max: 10_000 }),
  maxConsumers: integer({ min: 10, max: 10_000 }),
  retentionMs: shape<Given<Retention>>('an object with minute, hour and day', []),
  flushMs: durationMs({ min: 100 }),
  maxPendingMs: durationMs({ min: 60_000 }),
  maxPendingBytes: bytes({ min: 64 * 1024 }),
  storeTimeoutMs: durationMs({ min: 1 }),
  instance: text({
    expected: 'a name of letters, digits, dots, underscores and hyphens, 64 at most',
    pattern: /^[\w.-]{1,64}$/,
  }),
  clock: clockCheck,
};

/** Options as the rest of the package takes them. */
export type AnalyticsSettings = Omit<AnalyticsOptions, 'retentionMs' | 'secret'> & {
  readonly retention: Retention;
  readonly secrets: readonly string[];
};

/** @throws OptionError naming every unknown or wrong option */
export function resolveAnalyticsOptions(
  given: Given<AnalyticsOptions> | undefined,
): AnalyticsSettings {
  const options = resolveOptions('analytics', ANALYTICS_DEFAULTS, CHECKS, given);
  const retention = resolveOptions(
    'analytics retentionMs',
    ANALYTICS_DEFAULTS.retentionMs as Retention,
    RETENTION_CHECKS,
    options.retentionMs,
  );
  if (retention.minute > retention.hour || retention.hour > retention.day) {
    const { minute, hour, day } = retention;
    throw new OptionError('analytics', [
      `option "retentionMs" must keep hours as long as minutes at least, and days as long as hours, but is ${JSON.stringify({ minute, hour, day })}: reports ask for the coarsest there is.`,
    ]);
  }
  if (options.maxPendingMs > retention.minute / 2) {
    throw new OptionError('analytics', [
      `option "maxPendingMs" must be at most half of retentionMs.minute (${retention.minute / 2}), but is ${options.maxPendingMs}: rows that come later than that have no hour to go into.`,
    ]);
  }
  const { retentionMs: _, secret, ...rest } = options;
  return { ...rest, retention, secrets: secret === undefined ? [] : [secret].flat() };
}
