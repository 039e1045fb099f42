export { type AdaptiveLimitOptions } from './adaptive-limit.ts';
export { AIMD_LIMIT_DEFAULTS, aimdLimit, type AimdLimitOptions } from './aimd-limit.ts';
export { type EventLoop, type LoopReading, ownEventLoop } from './event-loop.ts';
export { type OnQueueEvent, QUEUE_CHANNEL, type QueueEvent } from './events.ts';
export { fixedLimit } from './fixed-limit.ts';
export {
  GRADIENT_LIMIT_DEFAULTS,
  gradientLimit,
  type GradientLimitOptions,
} from './gradient-limit.ts';
export type { Limit, LimitSample } from './limit.ts';
export { Limiter, type LimiterOptions, type Permit } from './limiter.ts';
export { type Outcome, QUEUE_DEFAULTS, type QueueOptions, type RoutePolicy } from './options.ts';
export { type Queue, queue } from './queue.ts';
export { VEGAS_LIMIT_DEFAULTS, vegasLimit, type VegasLimitOptions } from './vegas-limit.ts';
export type { Refusal } from './waiter.ts';
