/**
 * Between a carrier (headers, a job's data, a socket's handshake) and a trace: reads
 * the formats in the order in which they are wanted, and writes every one of them.
 */
import type { TraceContext } from '@org/core';

import {
  B3_FLAGS,
  B3_PARENT_SPAN_ID,
  B3_SAMPLED,
  B3_SPAN_ID,
  B3_TRACE_ID,
  type B3,
  formatB3,
  parseB3,
  parseB3Multi,
} from './b3.ts';
import { formatTraceparent, parseTraceparent, type RemoteContext } from './traceparent.ts';
import { withOwnMember } from './tracestate.ts';

/** `w3c`: traceparent and tracestate. `b3`: the single header. `b3multi`: the X-B3 headers. */
export type Format = 'w3c' | 'b3' | 'b3multi';

/** What an outgoing call carries. */
export interface OutgoingTrace {
  readonly trace: TraceContext;
  /** The span of the call itself, a child of `trace.spanId`. */
  readonly spanId: string;
}

/** Reads one field of a carrier; absent where there is none. */
export type Get = (name: string) => string | undefined;
/** Writes one field of a carrier. */
export type Set = (name: string, value: string) => void;

/** What a carrier says of a trace: nothing, a decision about recording only, or a position. */
export function extractTrace(get: Get, formats: readonly Format[]): B3 | undefined {
  for (const format of formats) {
    const found = READERS[format](get);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Names of the fields by which a carrier shows that it has something in these formats. */
export function marksOf(formats: readonly Format[]): readonly string[] {
  return formats.flatMap((format) => MARKS[format]);
}

/** Writes an outgoing call's place in its trace. */
export function injectTrace(
  set: Set,
  outgoing: OutgoingTrace,
  formats: readonly Format[],
  stateKey: string | undefined,
): void {
  for (const format of formats) WRITERS[format](set, outgoing, stateKey);
}

const MARKS: Readonly<Record<Format, readonly string[]>> = Object.freeze({
  w3c: ['traceparent'],
  b3: ['b3'],
  b3multi: [B3_TRACE_ID, B3_SAMPLED, B3_FLAGS],
});

const READERS: Readonly<Record<Format, (get: Get) => B3 | undefined>> = Object.freeze({
  w3c: (get: Get): RemoteContext | undefined => {
    const field = get('traceparent');
    // A tracestate belongs to its traceparent, and goes with it (§4.3).
    return field === undefined ? undefined : parseTraceparent(field.trim(), get('tracestate'));
  },
  b3: (get: Get) => {
    const field = get('b3');
    return field === undefined ? undefined : parseB3(field);
  },
  b3multi: (get: Get) => parseB3Multi(get),
});

type Writer = (set: Set, outgoing: OutgoingTrace, stateKey: string | undefined) => void;

const WRITERS: Readonly<Record<Format, Writer>> = Object.freeze({
  w3c: (set: Set, { trace, spanId }: OutgoingTrace, stateKey: string | undefined) => {
    set(
      'traceparent',
      formatTraceparent(trace.traceId, spanId, trace.sampled, trace.random === true),
    );
    const state =
      stateKey === undefined ? trace.state : withOwnMember(trace.state, stateKey, spanId);
    if (state !== undefined) set('tracestate', state);
  },
  b3: (set: Set, { trace, spanId }: OutgoingTrace) => {
    set('b3', formatB3(trace.traceId, spanId, trace.sampled, parentOf(trace, spanId)));
  },
  b3multi: (set: Set, { trace, spanId }: OutgoingTrace) => {
    set(B3_TRACE_ID, trace.traceId);
    set(B3_SPAN_ID, spanId);
    const parent = parentOf(trace, spanId);
    if (parent !== undefined) set(B3_PARENT_SPAN_ID, parent);
    set(B3_SAMPLED, trace.sampled ? '1' : '0');
  },
});

/** A span of a tracer is sent as it is, and then its parent is the tracer's to know. */
function parentOf(trace: TraceContext, spanId: string): string | undefined {
  return trace.spanId === spanId ? undefined : trace.spanId;
}
