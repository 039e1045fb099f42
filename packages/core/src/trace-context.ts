/** Where a request stands in a distributed trace, as W3C Trace Context names it. */

/** The trace that a request belongs to. */
export interface TraceContext {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string;
  /** The span of this request here: 16 lower-case hex digits, not all zero. */
  readonly spanId: string;
  /** The caller's span; absent where the trace begins here. */
  readonly parentSpanId?: string | undefined;
  /** Whether somebody upstream, or a policy here, asks for the trace to be recorded. */
  readonly sampled: boolean;
  /** Whether the last seven bytes of `traceId` are known to be random (Level 2 §3.2.2.5.2). @default false */
  readonly random?: boolean | undefined;
  /** The `tracestate` field to pass on; absent when there is none. */
  readonly state?: string | undefined;
}
