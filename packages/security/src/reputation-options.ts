/** The options of the address reputation, their defaults and their checks. */
import {
  boolean,
  type Bus,
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  type CounterStore,
  durationMs,
  either,
  func,
  type Given,
  integer,
  type KeyValueStore,
  listOf,
  type MonitoringAccess,
  monitoringAccess,
  oneOf,
  OptionError,
  resolveOptions,
  shape,
  systemClock,
  text,
} from '@org/core';

import { NETWORK } from './address-list.ts';
import type { SecurityEvent } from './events.ts';

/** What the reputation needs of a store. */
export type ReputationStore = CounterStore & KeyValueStore & Bus;

/** When an address loses its good name, and for how long. */
export interface ReputationOptions {
  /** `enforce` refuses; `detect` counts and tells what would have been refused. @default "enforce" */
  readonly mode: 'enforce' | 'detect';
  /** Points within the window that block. @default 5 */
  readonly threshold: number;
  /** How long points count in full, from the first of them on, in ms; then they fade. @default 300_000 */
  readonly windowMs: number;
  /** How long the first block lasts, in ms; each further one twice as long. @default 600_000 */
  readonly blockMs: number;
  /** The longest block, in ms; as long, a block that is over is remembered. @default 86_400_000 */
  readonly maxBlockMs: number;
  /** Addresses and networks (CIDR) that are never blocked. @default [] */
  readonly allow: readonly string[];
  /** Addresses and networks that are always refused, unless they are allowed. @default [] */
  readonly deny: readonly string[];
  /** Only what is in `allow` is let in. @default false */
  readonly allowOnly: boolean;
  /** Leading bits of an IPv6 address by which a client is told (RFC 6177). @default 56 */
  readonly ipv6PrefixBits: number;
  /** The most addresses of which points are remembered, and the most blocks. @default 50_000 */
  readonly maxEntries: number;
  /** Where processes share points and blocks. @default nowhere */
  readonly store: ReputationStore | undefined;
  /** How long a call to the store may take, in ms; no request waits for it. @default 500 */
  readonly storeTimeoutMs: number;
  /** What keys in the store, and the channel on its bus, begin with. @default "reputation" */
  readonly namespace: string;
  /** Path under which operators list and lift blocks; `false`: none. @default "/api/middleware/blocks" */
  readonly path: string | false;
  /** Who sees it, in place of loopback: a token, or a decision of yours. @default loopback only */
  readonly access: MonitoringAccess | undefined;
  /** Hand refusals to the error handlers, rather than answer them at once. @default false */
  readonly throwRefusals: boolean;
  /** Hears what happens. What it throws is reported. @default none */
  readonly onEvent: ((event: SecurityEvent) => unknown) | undefined;
  /** Where time comes from. @default the machine's clock */
  readonly clock: Clock;
}

export const REPUTATION_DEFAULTS: Readonly<ReputationOptions> = Object.freeze<ReputationOptions>({
  mode: 'enforce',
  threshold: 5,
  windowMs: 300_000,
  blockMs: 600_000,
  maxBlockMs: 86_400_000,
  allow: Object.freeze([]),
  deny: Object.freeze([]),
  allowOnly: false,
  ipv6PrefixBits: 56,
  maxEntries: 50_000,
  store: undefined,
  storeTimeoutMs: 500,
  namespace: 'reputation',
  path: '/api/middleware/blocks',
  access: undefined,
  throwRefusals: false,
  onEvent: undefined,
  clock: systemClock,
});

/** The option check for `mode`, of every part that has one. */
export const MODE: Check<'enforce' | 'detect'> = oneOf('enforce', 'detect');

const CHECKS: Checks<ReputationOptions> = {
  mode: MODE,
  threshold: {
    expected: 'a number above 0',
    accepts: (value): value is number =>
      typeof value === 'number' && value > 0 && Number.isFinite(value),
  },
  windowMs: durationMs({ min: 1 }),
  blockMs: durationMs({ min: 1 }),
  maxBlockMs: durationMs({ min: 1 }),
  allow: listOf(NETWORK),
  deny: listOf(NETWORK),
  allowOnly: boolean(),
  ipv6PrefixBits: integer({ min: 1, max: 128 }),
  maxEntries: integer({ min: 1 }),
  store: shape<ReputationStore>('a store', ['add', 'get', 'set', 'publish', 'subscribe']),
  storeTimeoutMs: durationMs({ min: 1 }),
  namespace: text({ expected: 'a name', pattern: /^.+$/ }),
  path: either(text({ expected: 'a path', pattern: /^\/[^?#]+[^?#/]$/ }), oneOf(false)),
  access: monitoringAccess,
  throwRefusals: boolean(),
  onEvent: func<(event: SecurityEvent) => unknown>(),
  clock: clockCheck,
};

/** @throws OptionError for unknown or wrong options */
export function resolveReputationOptions(
  options: Given<ReputationOptions> | undefined,
): Readonly<ReputationOptions> {
  const settings = resolveOptions('security:reputation', REPUTATION_DEFAULTS, CHECKS, options);
  const { allowOnly, allow, blockMs, maxBlockMs } = settings;
  const problems: string[] = [];
  if (allowOnly && allow.length === 0) {
    problems.push('option "allowOnly" would let nobody in: list addresses in "allow".');
  }
  if (maxBlockMs < blockMs) {
    problems.push(
      `option "maxBlockMs" must be at least blockMs, which is ${blockMs}, but is ${maxBlockMs}.`,
    );
  }
  if (problems.length > 0) throw new OptionError('security:reputation', problems);
  return settings;
}
