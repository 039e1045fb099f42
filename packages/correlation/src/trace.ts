/** A request's place in its trace: begun here, or a child of the caller's span. */
import type { TraceContext } from '@org/core';

import type { RandomIds } from './random-ids.ts';
import type { RemoteContext } from './traceparent.ts';

/** Decides whether a trace that begins here is recorded. */
export type Sampler = (traceId: string) => boolean;

/** Samples by the random part of the trace id, so that everybody who asks it so decides alike. */
export function sampler(share: number): Sampler {
  if (share >= 1) return () => true;
  if (share <= 0) return () => false;
  const threshold = (1 - share) * 2 ** 52;
  // The last seven bytes are the random ones (Trace Context level 2, §3.2.2.5.2); 52 bits of them fit in a number.
  return (traceId) => Number.parseInt(traceId.slice(18, 31), 16) >= threshold;
}

export function beginTrace(
  ids: RandomIds,
  samples: Sampler,
  sampled: boolean | undefined,
): TraceContext {
  const traceId = ids.traceId();
  return {
    traceId,
    spanId: ids.spanId(),
    parentSpanId: undefined,
    sampled: sampled ?? samples(traceId),
    random: true,
    state: undefined,
  };
}

export function continueTrace(
  ids: RandomIds,
  samples: Sampler,
  { traceId, spanId, sampled, random, state }: RemoteContext,
): TraceContext {
  return {
    traceId,
    spanId: ids.spanId(),
    parentSpanId: spanId,
    sampled: sampled ?? samples(traceId),
    random,
    state,
  };
}
