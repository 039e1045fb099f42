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
const ZERO = 48;
const NINE = 57;
const LOWER_A = 97;
const LOWER_F = 102;

/**
 * Reads a traceparent and the tracestate beside it; nothing if the traceparent is not
 * valid, whereupon the trace begins anew (§4.3). Digit by digit, because it stands on the
 * path of every traced request, and a regular expression costs several times as much.
 */
export function parseTraceparent(field: string, tracestate?: string): RemoteContext | undefined {
  if (!isTraceparent(field)) return undefined;
  // Both flags that we know are in the last digit.
  const flags = valueOf(field.charCodeAt(LENGTH - 1));
  return {
    traceId: field.slice(3, 35),
    spanId: field.slice(36, 52),
    sampled: (flags & SAMPLED) !== 0,
    random: (flags & RANDOM) !== 0,
    state: tracestate === undefined ? undefined : parseTracestate(tracestate),
  };
}

function isTraceparent(field: string): boolean {
  if (
    field.length < LENGTH ||
    field.charCodeAt(2) !== DASH ||
    field.charCodeAt(35) !== DASH ||
    field.charCodeAt(52) !== DASH ||
    !isHex(field, 0, 2) ||
    !isId(field, 3, 35) ||
    !isId(field, 36, 52) ||
    !isHex(field, 53, LENGTH) ||
    field.startsWith('ff')
  ) {
    return false;
  }
  // Version 00 ends here; of a later one, the part that we know is followed by a dash.
  return field.length === LENGTH || (!field.startsWith('00') && field.charCodeAt(LENGTH) === DASH);
}

/** Lower-case hex digits, not all of them zero. */
function isId(field: string, from: number, to: number): boolean {
  if (!isHex(field, from, to)) return false;
  for (let at = from; at < to; at++) if (field.charCodeAt(at) !== ZERO) return true;
  return false;
}

function isHex(field: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const code = field.charCodeAt(at);
    const isDigit = code >= ZERO && code <= NINE;
    if (!isDigit && (code < LOWER_A || code > LOWER_F)) return false;
  }
  return true;
}

/** The value of a hex digit. */
function valueOf(code: number): number {
  return code <= NINE ? code - ZERO : code - LOWER_A + 10;
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
