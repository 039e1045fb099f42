/**
 * B3, the headers of Zipkin, in one header or in several. Trace ids of 64 bits are
 * filled up with zeros on the left; "debug" is passed on as sampled.
 */
import type { RemoteContext } from './traceparent.ts';

/** Names of the several headers. */
export const B3_TRACE_ID = 'x-b3-traceid';
export const B3_SPAN_ID = 'x-b3-spanid';
export const B3_PARENT_SPAN_ID = 'x-b3-parentspanid';
export const B3_SAMPLED = 'x-b3-sampled';
export const B3_FLAGS = 'x-b3-flags';

/** What B3 says: a position in a trace, or only whether a trace is to be recorded. */
export type B3 = RemoteContext | { readonly traceId?: undefined; readonly sampled: boolean };

const SINGLE = /^((?:[0-9a-f]{16}){1,2})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?$/;
const TRACE_ID = /^(?:[0-9a-f]{16}){1,2}$/;
const SPAN_ID = /^[0-9a-f]{16}$/;
const ZEROS = /^0+$/;

/** Reads the single header; nothing if it is not valid. */
export function parseB3(field: string): B3 | undefined {
  if (field === '0') return { sampled: false };
  if (field === '1' || field === 'd') return { sampled: true };
  const found = SINGLE.exec(field);
  return found === null ? undefined : remote(found[1]!, found[2]!, sampledOf(found[3]));
}

/** Reads the several headers through `get`; nothing if there are none, or they are not valid. */
export function parseB3Multi(get: (name: string) => string | undefined): B3 | undefined {
  const traceId = get(B3_TRACE_ID);
  const spanId = get(B3_SPAN_ID);
  const sampled = get(B3_FLAGS) === '1' ? true : sampledOf(get(B3_SAMPLED));
  if (traceId === undefined && spanId === undefined) {
    return sampled === undefined ? undefined : { sampled };
  }
  if (traceId === undefined || spanId === undefined) return undefined;
  return TRACE_ID.test(traceId) && SPAN_ID.test(spanId)
    ? remote(traceId, spanId, sampled)
    : undefined;
}

/** Writes the single header. */
export function formatB3(
  traceId: string,
  spanId: string,
  sampled: boolean,
  parentSpanId: string | undefined,
): string {
  const start = `${traceId}-${spanId}-${sampled ? 1 : 0}`;
  return parentSpanId === undefined ? start : `${start}-${parentSpanId}`;
}

function remote(traceId: string, spanId: string, sampled: boolean | undefined): B3 | undefined {
  if (ZEROS.test(traceId) || ZEROS.test(spanId)) return undefined;
  return {
    traceId: traceId.padStart(32, '0'),
    spanId,
    sampled,
    random: false,
    state: undefined,
  };
}

function sampledOf(value: string | undefined): boolean | undefined {
  if (value === '1' || value === 'd' || value === 'true') return true;
  return value === '0' || value === 'false' ? false : undefined;
}
