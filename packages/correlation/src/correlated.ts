/** Anything that has a name and a place in a trace: an exchange, or a job that one has begun. */
import type { TraceContext } from '@org/core';

import type { Baggage } from './baggage.ts';

export interface Correlated {
  /** The request's id. */
  readonly id: string;
  /** Absent where traces are switched off. */
  readonly trace: TraceContext | undefined;
}

/** What came out of a carrier. */
export interface Extracted extends Correlated {
  readonly baggage: Baggage;
}

/** A caller's ids that were not taken over, under the policy `link`. */
export interface Linked {
  /** The caller's request id, if it was harmless. */
  readonly id: string | undefined;
  /** The caller's place in its trace. */
  readonly trace: Pick<TraceContext, 'traceId' | 'spanId' | 'state'> | undefined;
}
