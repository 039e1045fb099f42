export { ADAPTIVE_DEFAULTS, type AdaptiveOptions } from './adaptive.ts';
export { type OnRateLimitEvent, RATE_LIMIT_CHANNEL, type RateLimitEvent } from './events.ts';
export { flexible, type FlexibleCount, type FlexibleLimiter } from './flexible.ts';
export { type FailPolicy, RATE_LIMIT_DEFAULTS, type RateLimitOptions } from './options.ts';
export type { AlgorithmName, LimitBy, PolicyOptions, RouteLimits } from './policy-options.ts';
export { type ConsumeOptions, rateLimit, type RateLimit } from './rate-limit.ts';
export type { Consumer } from './top-consumers.ts';
export type { PolicyVerdict, Verdict } from './verdict.ts';
