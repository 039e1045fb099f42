export { conditional, type ConditionalOptions } from './conditional.ts';
export { earlyReturn } from './early-return.ts';
export {
  EARLY_RETURN_CHANNEL,
  type EarlyAnswer,
  type OnEarlyAnswer,
  type Reason,
} from './events.ts';
export {
  EARLY_RETURN_DEFAULTS,
  type EarlyReturnOptions,
  type RouteLimits,
  type Rule,
} from './options.ts';
export type { Validator, Validators } from './validators.ts';
