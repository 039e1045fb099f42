/**
 * The bridge to the OpenTelemetry API, an optional peer that is loaded when it is
 * asked for. Where a tracer has begun a span for the request, that span is the
 * request's; where none has, what is found here becomes the parent of spans to come.
 */
import type { SpanContext, TraceState } from '@opentelemetry/api';
import type { TraceContext } from '@org/core';

/** What of the API is used. */
export interface Telemetry {
  /** The active span's place, if a tracer has one. */
  active(): TraceContext | undefined;
  /** Runs `task` with `trace` as the active span's context. */
  run(trace: TraceContext, task: () => void): void;
}

const SAMPLED = 1;
const RANDOM = 2;

/** Loads the API. @throws Error naming the install command where it is not installed */
export async function loadTelemetry(): Promise<Telemetry> {
  let api: typeof import('@opentelemetry/api');
  try {
    api = await import('@opentelemetry/api');
  } catch (cause) {
    throw new Error(
      'correlation: option "openTelemetry" needs the OpenTelemetry API; run "npm install @opentelemetry/api".',
      { cause },
    );
  }
  const { context, createTraceState, isSpanContextValid, trace: tracing } = api;
  return {
    active() {
      const span = tracing.getActiveSpan();
      const place = span?.spanContext();
      if (place === undefined || !isSpanContextValid(place)) return undefined;
      return fromSpan(place, span);
    },
    run(trace, task) {
      const state = trace.state === undefined ? undefined : createTraceState(trace.state);
      const place = tracing.setSpanContext(context.active(), toSpan(trace, state));
      context.with(place, task);
    },
  };
}

/** SDKs 1 and 2 name the parent differently, and the API does not name it at all. */
interface ParentOfSpan {
  readonly parentSpanId?: unknown;
  readonly parentSpanContext?: { readonly spanId?: unknown };
}

function fromSpan(place: SpanContext, span: object | undefined): TraceContext {
  const { parentSpanContext, parentSpanId } = (span ?? {}) as ParentOfSpan;
  const parent = parentSpanContext?.spanId ?? parentSpanId;
  return {
    traceId: place.traceId,
    spanId: place.spanId,
    parentSpanId: typeof parent === 'string' ? parent : undefined,
    sampled: (place.traceFlags & SAMPLED) !== 0,
    random: (place.traceFlags & RANDOM) !== 0,
    state: place.traceState?.serialize() || undefined,
  };
}

function toSpan(trace: TraceContext, state: TraceState | undefined): SpanContext {
  return {
    traceId: trace.traceId,
    spanId: trace.spanId,
    traceFlags: (trace.sampled ? SAMPLED : 0) | (trace.random === true ? RANDOM : 0),
    isRemote: true,
    ...(state === undefined ? {} : { traceState: state }),
  };
}
