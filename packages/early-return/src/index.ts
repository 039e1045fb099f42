export type { BodyRule } from './bodies.ts';
export { conditionalAnswers } from './conditional.ts';
export { earlyReturn } from './early-return.ts';
export { type EarlyAnswers, earlyAnswers } from './edge.ts';
export { EARLY_RETURN_CHANNEL, type EarlyReturnEvent, type OnEarlyReturn } from './events.ts';
export type { HeadHeaders, Params, Validator, Version } from './known-resources.ts';
export {
  type ConditionalOptions,
  EARLY_RETURN_DEFAULTS,
  EARLY_RETURN_HEADERS,
  type EarlyReturnOptions,
  type EdgeOptions,
} from './options.ts';
export type { HeaderValue } from './prepared.ts';
export type { Refusal } from './refusals.ts';
export type { EarlyRule } from './rules.ts';
