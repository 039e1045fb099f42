/** The `traceparent` field of W3C Trace Context, level 2 (§3.2). */

import { parseTracestate } from './tracestate.ts';

/** Where a caller stands in a trace. */
export interface RemoteContext {
  readonly traceId: string;
  /** The caller's span. */
  readonly spanId: string;
  /** Absent where the caller leaves the decision to us. */
  readonly sampled: boolean | undefined;
  /** The caller knows its trace id to be random. */
  readonly random: boolean;
  /** A `tracestate` that has been checked. */
  readonly state: string | undefined;
}

const SAMPLED = 1;
const RANDOM = 2;
/** Length of version 00; later versions may only add to it (§3.2.4). */
const LENGTH = 55;
const DASH = 45;
const FIELD = /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}/;

/**
 * Reads a traceparent and the tracestate beside it; nothing if the traceparent is not
 * valid, whereupon the trace begins anew (§4.3).
 */
export function parseTraceparent(field: string, tracestate?: string): RemoteContext | undefined {
  if (field.length < LENGTH || !FIELD.test(field) || field.startsWith('ff')) return undefined;
  if (field.length > LENGTH) {
    // Version 00 ends here; of a later one, the part that we know is followed by a dash.
    if (field.startsWith('00') || field.charCodeAt(LENGTH) !== DASH) return undefined;
  }
  const flags = Number.parseInt(field.slice(53, LENGTH), 16);
  return {
    traceId: field.slice(3, 35),
    spanId: field.slice(36, 52),
    sampled: (flags & SAMPLED) !== 0,
    random: (flags & RANDOM) !== 0,
    state: tracestate === undefined ? undefined : parseTracestate(tracestate),
  };
}

/** Writes a traceparent in version 00. Flags that we do not know are zero (§3.2.2.5.3). */
export function formatTraceparent(
  traceId: string,
  spanId: string,
  sampled: boolean,
  random: boolean,
): string {
  return `00-${traceId}-${spanId}-0${(sampled ? SAMPLED : 0) | (random ? RANDOM : 0)}`;
}
