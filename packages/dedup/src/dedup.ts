/**
 * What is asked twice runs once: writes by their `Idempotency-Key`, reads because they are under
 * way at the same time. Two middlewares, since a read is met ahead of the queue and a write
 * behind the body parser.
 */
import {
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  type CredentialOptions,
  type Given,
  listOf,
  type Middleware,
  type Partition,
  partitionCheck,
  resolveOptions,
  shape,
  text,
} from '@org/core';

import { coalescing } from './coalescing.ts';
import type { CoalescingOptions } from './coalescing-options.ts';
import type { RecordStore } from './guarded-store.ts';
import { idempotency } from './idempotency.ts';
import type { IdempotencyOptions } from './idempotency-options.ts';

/** What both parts can be told at once; what a part is told itself wins. */
export interface DedupOptions extends Partial<CredentialOptions> {
  /** Of keys; `false`: without. @default {} */
  readonly idempotency: Given<IdempotencyOptions> | false;
  /** Of reads; `false`: without. @default {} */
  readonly coalescing: Given<CoalescingOptions> | false;
  /** Where the records of keys are. @default memory of its own */
  readonly store: RecordStore | undefined;
  /** Whose requests are apart from whose. @default "credentials" */
  readonly partition: Partition | undefined;
  /** Source of time. @default the machine's */
  readonly clock: Clock | undefined;
}

export const DEDUP_DEFAULTS: Readonly<DedupOptions> = Object.freeze<DedupOptions>({
  idempotency: Object.freeze({}),
  coalescing: Object.freeze({}),
  store: undefined,
  partition: undefined,
  clock: undefined,
});

const names = listOf(text({ expected: 'a name', pattern: /^.+$/ }));

function part<T>(): Check<T | false> {
  return {
    expected: 'false or options',
    accepts: (value): value is T | false =>
      value === false || (typeof value === 'object' && value !== null && !Array.isArray(value)),
  };
}

const CHECKS: Checks<DedupOptions> = Object.freeze<Checks<DedupOptions>>({
  idempotency: part<Given<IdempotencyOptions>>(),
  coalescing: part<Given<CoalescingOptions>>(),
  store: shape<RecordStore>('a store', ['get', 'set', 'claim', 'compareAndSet']),
  partition: partitionCheck,
  credentialHeaders: names,
  harmlessCookies: names,
  clock: clockCheck,
});

/**
 * Makes both parts, `dedup:coalescing` and `dedup:idempotency`, as far as they are wanted.
 * @throws OptionError for unknown or wrong options, those of the parts included
 */
export function dedup(options?: Given<DedupOptions>): Middleware[] {
  const {
    idempotency: keys,
    coalescing: reads,
    store,
    ...both
  } = resolveOptions('dedup', DEDUP_DEFAULTS, CHECKS, options);
  // Express' own types ask for an array that could be changed; nobody can change this one.
  return Object.freeze([
    ...(reads === false ? [] : [coalescing({ ...both, ...given(reads) })]),
    ...(keys === false ? [] : [idempotency({ ...both, store, ...given(keys) })]),
  ]) as Middleware[];
}

/** What is undefined is not given, and hides nothing. */
function given<O extends object>(options: O): Partial<O> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Partial<O>;
}
