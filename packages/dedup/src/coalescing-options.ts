/** The options of coalescing, their defaults and their checks. */
import {
  bytes,
  type Checks,
  type Clock,
  clockCheck,
  CREDENTIAL_DEFAULTS,
  type CredentialOptions,
  durationMs,
  func,
  type Given,
  integer,
  listOf,
  type Partition,
  partitionCheck,
  resolveOptions,
  systemClock,
  text,
} from '@org/core';

import type { OnCoalescingEvent } from './coalescing-events.ts';

/** What coalescing can be told. */
export interface CoalescingOptions extends CredentialOptions {
  /** Whose requests may get one answer: those that carry the same, or have the same `exchange.principal` once that is set. @default "credentials" */
  readonly partition: Partition;
  /** The most requests that wait for one; others ask the handler themselves. @default 1000 */
  readonly maxFollowers: number;
  /** The longest that they wait for one leader, in ms; and never for more than two. @default 5000 */
  readonly maxWaitMs: number;
  /** Larger answers are not passed on. @default 1 MiB */
  readonly maxBodyBytes: number;
  /** How long requests do not wait for each other once an answer could not be passed on, in ms. @default 30_000 */
  readonly unsharedMs: number;
  /** Told of what becomes of requests. @default nobody */
  readonly onEvent: OnCoalescingEvent | undefined;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
}

export const COALESCING_DEFAULTS: Readonly<CoalescingOptions> = Object.freeze<CoalescingOptions>({
  partition: 'credentials',
  ...CREDENTIAL_DEFAULTS,
  maxFollowers: 1000,
  maxWaitMs: 5000,
  maxBodyBytes: 1024 * 1024,
  unsharedMs: 30_000,
  onEvent: undefined,
  clock: systemClock,
});

const names = listOf(text({ expected: 'a name', pattern: /^.+$/ }));

const CHECKS: Checks<CoalescingOptions> = Object.freeze<Checks<CoalescingOptions>>({
  partition: partitionCheck,
  credentialHeaders: names,
  harmlessCookies: names,
  maxFollowers: integer({ min: 1 }),
  maxWaitMs: durationMs({ min: 1 }),
  maxBodyBytes: bytes(),
  unsharedMs: durationMs(),
  onEvent: func(),
  clock: clockCheck,
});

/** The options to work with. @throws OptionError for unknown or wrong options */
export function resolveCoalescingOptions(
  options?: Given<CoalescingOptions>,
): Readonly<CoalescingOptions> {
  return resolveOptions('coalescing', COALESCING_DEFAULTS, CHECKS, options);
}
