/** What was found in a carrier, and what of a caller was not taken over. */
import type { Correlated, TraceContext } from '@org/core';

import type { Baggage } from './baggage.ts';

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
