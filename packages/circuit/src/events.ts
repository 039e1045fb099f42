/** What a circuit tells of itself as it happens. */
import type { CircuitState, TransitionReason } from './state.ts';

/** What a breaker has done. */
export type CircuitEventType = 'closed' | 'opened' | 'half-opened' | 'isolated';

const TYPES: Readonly<Record<CircuitState['kind'], CircuitEventType>> = Object.freeze({
  closed: 'closed',
  open: 'opened',
  'half-open': 'half-opened',
  isolated: 'isolated',
});

/** A breaker has another state. */
export interface CircuitEvent {
  readonly type: CircuitEventType;
  /** Name of the circuit. */
  readonly circuit: string;
  /** Name of the breaker within it. */
  readonly breaker: string;
  readonly from: CircuitState['kind'];
  readonly state: CircuitState;
  readonly reason: TransitionReason;
  /** What was counted, in one line; empty where nothing was. */
  readonly detail: string;
  readonly healthRatio: number;
}

/** Hears events. What it throws is reported, and changes nothing. */
export type OnCircuitEvent = (event: CircuitEvent) => void;

/** Name of the diagnostics channel; messages are `CircuitEvent`s. */
export const CIRCUIT_CHANNEL = '@org/circuit';

/** An event of what a breaker has become. */
export function circuitEvent(event: Omit<CircuitEvent, 'type'>): CircuitEvent {
  return { type: TYPES[event.state.kind], ...event };
}
