/** What a capture is: a profile as V8 gave it, with what is known about it. */

/** What was profiled: where the time went, or who allocated the memory. */
export type CaptureKind = 'cpu' | 'heap';

/** A request that was under way while the event loop stood still. */
export interface StalledRequest {
  /** The request's id. */
  readonly id: string;
  /** Absent where no correlation takes part. */
  readonly traceId?: string;
  readonly method: string;
  /** The route's pattern; absent where none had matched. */
  readonly route?: string;
  /** How long it had taken when the loop turned again, in ms. */
  readonly durationMs: number;
  /** It was answered while the loop stood still, or right after. */
  readonly settled: boolean;
}

/** A stall of the event loop. */
export interface Stall {
  /** When the loop turned again, in ms since the epoch. */
  readonly at: number;
  /** How long it had not turned, in ms. */
  readonly blockedMs: number;
  /** Requests that were under way, latest first; known only while a capture is armed. */
  readonly requests: readonly StalledRequest[];
}

/** A capture that is kept. */
export interface Capture {
  readonly id: string;
  readonly kind: CaptureKind;
  /** Why it was made. */
  readonly cause: 'asked' | 'stall';
  /** When it began, in ms since the epoch. */
  readonly startedAt: number;
  readonly durationMs: number;
  /** The profile as V8 gives it, as JSON. */
  readonly profile: Uint8Array;
  /** The stall that it shows. */
  readonly stall?: Stall;
  /**
   * Where the thread stood when a stall had lasted for `stallMs`, innermost first, in the running
   * code. It has the functions that V8 had optimised before, which a profile may not name.
   */
  readonly stack?: readonly string[];
}

/** A capture as it is listed: all but the profile itself. */
export type CaptureInfo = Omit<Capture, 'profile'> & {
  /** Size of the profile. */
  readonly sizeBytes: number;
};

export function captureInfo({ profile, ...about }: Capture): CaptureInfo {
  return { ...about, sizeBytes: profile.byteLength };
}
