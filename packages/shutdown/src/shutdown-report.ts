/** How a shutdown went: for the log, and for the exit code. */
import { constants } from 'node:os';

/**
 * `readiness`: serving as before, but asking not to be sent more. `requests`: not listening
 * any more, requests in flight end. `components`: they close. `closed`: it is over.
 */
export type ShutdownPhase = 'readiness' | 'requests' | 'components' | 'closed';

/** A shutdown in retrospect. */
export interface ShutdownReport {
  /** The signal, or what `shutdown(reason)` was given. */
  readonly reason: string;
  /** 0: everything ended by itself. 1: something hung or failed. 128 + n: forced by signal n. */
  readonly exitCode: number;
  /** The second signal, if one came. */
  readonly forcedBy: NodeJS.Signals | undefined;
  /** Requests that were cut off, by method and path; the first 20. */
  readonly hungRequests: readonly string[];
  /** Number of requests that were cut off. */
  readonly hungRequestsTotal: number;
  /** Components that closed, in their order. */
  readonly closed: readonly string[];
  /** What did not end in time, or had no time left to: components, `onClose`, cluster workers. */
  readonly hung: readonly string[];
  readonly failed: readonly { readonly name: string; readonly error: unknown }[];
  /** Requests that arrived after the listening had stopped, on connections that were open, and were served. */
  readonly lateRequestsTotal: number;
  readonly durationMs: number;
}

/** 128 + n, as a shell would say it. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
