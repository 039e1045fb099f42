export type { Breaker } from './breaker.ts';
export { type Circuit, circuit } from './circuit.ts';
export {
  CIRCUIT_CHANNEL,
  type CircuitEvent,
  type CircuitEventType,
  type OnCircuitEvent,
} from './events.ts';
export type { Interceptor } from './interceptor.ts';
export type { BreakerOptions, StrategyName } from './breaker-options.ts';
export { CIRCUIT_DEFAULTS, type CircuitOptions, type Fallback } from './options.ts';
export type {
  CircuitState,
  ClosedState,
  HalfOpenState,
  IsolatedState,
  OpenState,
  TransitionReason,
} from './state.ts';
export type { Strategy } from './strategy.ts';
export type { WrapFallback } from './wrap.ts';
