/** The options of a hedge, their defaults and their checks. */
import {
  type Checks,
  type Clock,
  clockCheck,
  durationMs,
  func,
  type Given,
  integer,
  ratio,
  resolveOptions,
  systemClock,
  text,
} from '@org/core';

import { isAnswer } from './bodies.ts';
import type { OnRetryEvent } from './events.ts';
import { budgetCheck, nameCheck } from './options.ts';
import type { RetryBudget } from './retry-budget.ts';

/** What a hedge can be told. */
export interface HedgeOptions {
  /** Its name, among the components and for `explain()`. @default "hedge" */
  readonly name: string;
  /** How long the first may take before a second is made, in ms. @default as long as nearly all took lately: see `quantileRatio` */
  readonly afterMs: number | undefined;
  /** The share of calls that end sooner than a second one is made. @default 0.95 */
  readonly quantileRatio: number;
  /** Calls that must have been measured before any is made twice. @default 20 */
  readonly minSamples: number;
  /** The least wait for the first, where it is measured, in ms. @default 1 */
  readonly minDelayMs: number;
  /** How long what was measured counts, in ms, or up to twice that. @default 60_000 */
  readonly windowMs: number;
  /** How much may be made twice; shared with whoever is given it, too. @default a `retryBudget()` of its own */
  readonly budget: RetryBudget | undefined;
  /** Whose account in it is used: those of one name share it. @default `name` */
  readonly budgetName: string | undefined;
  /** Whether a result is taken only if nothing better comes. @default an answer with 429 or a 5xx */
  readonly isFailure: (result: unknown) => boolean;
  /** Told of what happens. @default nobody */
  readonly onEvent: OnRetryEvent | undefined;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
}

export const HEDGE_DEFAULTS: Readonly<HedgeOptions> = Object.freeze<HedgeOptions>({
  name: 'hedge',
  afterMs: undefined,
  quantileRatio: 0.95,
  minSamples: 20,
  minDelayMs: 1,
  windowMs: 60_000,
  budget: undefined,
  budgetName: undefined,
  isFailure: (result) => isAnswer(result) && (result.status === 429 || result.status >= 500),
  onEvent: undefined,
  clock: systemClock,
});

const CHECKS: Checks<HedgeOptions> = Object.freeze<Checks<HedgeOptions>>({
  name: nameCheck,
  afterMs: durationMs(),
  quantileRatio: ratio({ min: 0.5 }),
  minSamples: integer({ min: 1 }),
  minDelayMs: durationMs(),
  windowMs: durationMs({ min: 1000 }),
  budget: budgetCheck,
  budgetName: text(),
  isFailure: func(),
  onEvent: func(),
  clock: clockCheck,
});

/** @throws OptionError for unknown or wrong options */
export function resolveHedgeOptions(
  options: Given<HedgeOptions> | undefined,
): Readonly<HedgeOptions> {
  return resolveOptions('hedge', HEDGE_DEFAULTS, CHECKS, options);
}
