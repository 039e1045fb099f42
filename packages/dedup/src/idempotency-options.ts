/** The options of idempotency keys, their defaults and their checks. */
import {
  boolean,
  bytes,
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  durationMs,
  func,
  type Given,
  integer,
  listOf,
  oneOf,
  OptionError,
  recordOf,
  resolveOptions,
  shape,
  systemClock,
  text,
} from '@org/core';

import type { RecordStore } from './guarded-store.ts';
import type { OnIdempotencyEvent } from './idempotency-events.ts';
import {
  KEY_RULE_CHECKS,
  KEY_RULE_DEFAULTS,
  type KeyRules,
  type Required,
  requiredCheck,
} from './keyed-request.ts';
import { defaultOutcome, type OutcomePolicy } from './outcome.ts';

/** What every mode can be told: whose keys are apart, what is kept, and for how long. */
export interface KeepingOptions extends KeyRules {
  /** What an answer means for its key, by status. @default `defaultOutcome`: 5xx and refusals release it */
  readonly outcome: OutcomePolicy;
  /** How long a key is remembered, in ms. @default 86_400_000, a day */
  readonly retentionMs: number;
  /** Of larger answers only status and headers are kept. @default 1 MiB */
  readonly maxBodyBytes: number;
  /** The only headers that a replay may carry. @default all but those of one exchange or moment */
  readonly replayHeaders: readonly string[] | undefined;
  /** Further headers that no replay carries. @default [] */
  readonly omitHeaders: readonly string[];
  /** The longest that a duplicate waits for its original, in ms. @default 10_000 */
  readonly maxWaitMs: number;
  /** The most duplicates that wait at once; others get 409. @default 1000 */
  readonly maxWaiters: number;
  /** What `Retry-After` of a 409 or 503 says, in ms. @default 1000 */
  readonly retryAfterMs: number;
  /** Told of what becomes of keys. @default nobody */
  readonly onEvent: OnIdempotencyEvent | undefined;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
}

/** What may differ from route to route. */
export interface KeyPolicy {
  readonly required?: Required | undefined;
  /** The handler keeps the record itself, in its own transaction (`transactional`): here the key is only checked. @default false */
  readonly transactional?: boolean | undefined;
}

/** What idempotency keys can be told. */
export interface IdempotencyOptions extends KeepingOptions {
  /** Methods whose keys count. @default ["POST", "PATCH"] */
  readonly methods: readonly string[];
  /** Policies by path pattern as Express writes it; the first that matches counts. `false`: keys are ignored. @default {} */
  readonly routes: Readonly<Record<string, KeyPolicy | false>>;
  /** A duplicate of what is under way gets 409, or waits and gets the same answer. @default "refuse" */
  readonly inFlight: 'refuse' | 'wait';
  /** How long after its last sign of life an owner counts as lost, in ms. @default 1000 */
  readonly leaseMs: number;
  /** How long one request may be under way before nobody waits for it, in ms. @default 60_000 */
  readonly maxRunMs: number;
  /** A key whose owner is lost: nobody runs it before somebody has resolved it, or the next duplicate does. @default "indeterminate" */
  readonly onOwnerLost: 'indeterminate' | 'retry';
  /** Whether answers tell how long their key is remembered, in `Idempotency-Retention` (s). @default false */
  readonly advertiseRetention: boolean;
  /** Where records are. @default memory of its own */
  readonly store: RecordStore | undefined;
  /**
   * The longest that a call to the store may take, in ms. A store that hangs holds a request up for
   * so long, and one that answers later has it refused: more for one that syncs every write to a
   * slow disk; above a quarter of `leaseMs`, which is kept alive within it, a longer lease as well.
   * @default 90
   */
  readonly storeTimeoutMs: number;
  /** Prefix of every key in the store. @default "idempotency" */
  readonly namespace: string;
}

export const KEEPING_DEFAULTS: Readonly<KeepingOptions> = Object.freeze<KeepingOptions>({
  ...KEY_RULE_DEFAULTS,
  outcome: defaultOutcome,
  retentionMs: 86_400_000,
  maxBodyBytes: 1024 * 1024,
  replayHeaders: undefined,
  omitHeaders: Object.freeze([]),
  maxWaitMs: 10_000,
  maxWaiters: 1000,
  retryAfterMs: 1000,
  onEvent: undefined,
  clock: systemClock,
});

export const IDEMPOTENCY_DEFAULTS: Readonly<IdempotencyOptions> = Object.freeze<IdempotencyOptions>(
  {
    ...KEEPING_DEFAULTS,
    methods: Object.freeze(['POST', 'PATCH']),
    routes: Object.freeze({}),
    inFlight: 'refuse',
    leaseMs: 1000,
    maxRunMs: 60_000,
    onOwnerLost: 'indeterminate',
    advertiseRetention: false,
    store: undefined,
    storeTimeoutMs: 90,
    namespace: 'idempotency',
  },
);

const names = listOf(text({ expected: 'a name', pattern: /^.+$/ }));

export const KEEPING_CHECKS: Checks<KeepingOptions> = Object.freeze<Checks<KeepingOptions>>({
  ...KEY_RULE_CHECKS,
  outcome: func(),
  retentionMs: durationMs({ min: 1000 }),
  maxBodyBytes: bytes(),
  replayHeaders: names,
  omitHeaders: names,
  maxWaitMs: durationMs({ min: 1 }),
  maxWaiters: integer({ min: 0 }),
  retryAfterMs: durationMs(),
  onEvent: func(),
  clock: clockCheck,
});

const POLICY_CHECKS: Checks<KeyPolicy> = Object.freeze<Checks<KeyPolicy>>({
  required: requiredCheck,
  transactional: boolean(),
});

const policy: Check<KeyPolicy | false> = {
  expected: 'false or a policy',
  accepts: (value): value is KeyPolicy | false =>
    value === false || (typeof value === 'object' && value !== null && !Array.isArray(value)),
};

const CHECKS: Checks<IdempotencyOptions> = Object.freeze<Checks<IdempotencyOptions>>({
  ...KEEPING_CHECKS,
  methods: listOf(text({ expected: 'a method such as POST', pattern: /^[A-Z]+$/ })),
  routes: recordOf(policy),
  inFlight: oneOf('refuse', 'wait'),
  leaseMs: durationMs({ min: 100 }),
  maxRunMs: durationMs({ min: 1000 }),
  onOwnerLost: oneOf('indeterminate', 'retry'),
  advertiseRetention: boolean(),
  store: shape<RecordStore>('a store', ['get', 'set', 'claim', 'compareAndSet']),
  storeTimeoutMs: durationMs({ min: 1 }),
  namespace: text({ expected: 'letters, digits, dots and dashes', pattern: /^[\w.-]{1,64}$/ }),
});

/** The options to work with. @throws OptionError for unknown or wrong options, of a route too */
export function resolveIdempotencyOptions(
  options?: Given<IdempotencyOptions>,
): Readonly<IdempotencyOptions> {
  const resolved = resolveOptions('idempotency', IDEMPOTENCY_DEFAULTS, CHECKS, options);
  for (const [pattern, own] of Object.entries(resolved.routes)) {
    if (own !== false) resolveOptions(`idempotency: route "${pattern}"`, {}, POLICY_CHECKS, own);
  }
  const { retentionMs, maxRunMs } = resolved;
  if (retentionMs < maxRunMs) {
    throw new OptionError('idempotency', [
      `option "retentionMs" must be at least maxRunMs (${maxRunMs}), or a key would be forgotten while its request runs, but is ${retentionMs}.`,
    ]);
  }
  return resolved;
}
