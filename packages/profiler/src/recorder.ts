/**
 * Takes captures, one at a time: two profilers would measure each other. A capture ends early,
 * and leaves nothing, when the signal of whoever asked for it aborts, and when the profiler is
 * closed.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '@org/core';

import type { Capture, CaptureKind } from './capture.ts';
import type { Wait } from './inspect.ts';
import { profileFailed, profileRunning, profilerClosed } from './problems.ts';

/** What a recorder tells its owner. */
export interface RecorderOwner {
  /** Somebody else is profiling this thread. */
  isBusy(): boolean;
  /** Whether a capture is under way has changed. */
  onRunning(running: boolean): void;
  /** V8 has stopped the thread until now: how long depends on the heap. */
  onStood(): void;
  onAborted(kind: CaptureKind | 'snapshot', reason: unknown): void;
}

interface Running {
  readonly kind: CaptureKind | 'snapshot';
  readonly untilMs: number;
  readonly controller: AbortController;
  readonly ended: Promise<unknown>;
}

export class Recorder {
  refusedTotal: number = 0;
  abortedTotal: number = 0;
  private readonly clock: Clock;
  private readonly owner: RecorderOwner;
  private running: Running | undefined = undefined;
  private closed: boolean = false;

  constructor(clock: Clock, owner: RecorderOwner) {
    this.clock = clock;
    this.owner = owner;
  }

  /** What is being captured; nothing where nothing is. */
  get kind(): CaptureKind | 'snapshot' | undefined {
    return this.running?.kind;
  }

  /**
   * Takes a capture of `durationMs` by `take`.
   * @throws ProblemError `ERR_PROFILE_RUNNING`, `ERR_PROFILE_FAILED` or `ERR_PROFILER_CLOSED`; or the signal's reason
   */
  async capture(
    kind: CaptureKind,
    durationMs: number,
    signal: AbortSignal | undefined,
    take: (wait: Wait) => Promise<Uint8Array>,
  ): Promise<Capture> {
    let startedAt = 0;
    let sampledMs = 0;
    const profile = await this.alone(kind, durationMs, signal, (stop, stood) =>
      take(async () => {
        stood();
        startedAt = this.clock.now();
        const startMs = this.clock.monotonicMs();
        await pause(this.clock, durationMs, stop);
        sampledMs = this.clock.monotonicMs() - startMs;
      }),
    );
    return { id: captureId(kind), kind, cause: 'asked', startedAt, durationMs: sampledMs, profile };
  }

  /** Runs `work` as the only one that profiles; `stop` aborts when it has to end, `stood` is to be told what `onStood` is. */
  async alone<T>(
    kind: CaptureKind | 'snapshot',
    durationMs: number,
    signal: AbortSignal | undefined,
    work: (stop: AbortSignal, stood: () => void) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    if (this.closed) throw profilerClosed();
    const nowMs = this.clock.monotonicMs();
    if (this.running !== undefined || this.owner.isBusy()) {
      this.refusedTotal++;
      throw profileRunning((this.running?.untilMs ?? nowMs) - nowMs);
    }
    const controller = new AbortController();
    const stop = (): void => controller.abort(signal!.reason);
    signal?.addEventListener('abort', stop, { once: true });
    // A turn later, so that everybody knows by the time that the thread stands still for it.
    const ended = Promise.resolve().then(() => work(controller.signal, () => this.owner.onStood()));
    this.running = { kind, untilMs: nowMs + durationMs, controller, ended };
    this.owner.onRunning(true);
    try {
      return await ended;
    } catch (error) {
      this.abortedTotal++;
      const { aborted, reason } = controller.signal;
      this.owner.onAborted(kind, aborted ? reason : error);
      // Whoever stopped it knows why; all else is V8's or Node's.
      throw aborted ? reason : profileFailed(error);
    } finally {
      signal?.removeEventListener('abort', stop);
      this.running = undefined;
      this.owner.onRunning(false);
    }
  }

  /** Ends the capture under way; resolves when it is gone. */
  async close(): Promise<void> {
    this.closed = true;
    this.running?.controller.abort(profilerClosed());
    await this.running?.ended.catch(() => undefined);
  }
}

/** Not counted up: captures of several processes must not be taken for each other. */
export function captureId(kind: CaptureKind): string {
  return `${kind}-${randomUUID().slice(0, 8)}`;
}

function pause(clock: Clock, durationMs: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      cancel();
      reject(stop.reason as Error);
    };
    const cancel = clock.after(durationMs, () => {
      stop.removeEventListener('abort', aborted);
      resolve();
    });
    if (stop.aborted) aborted();
    else stop.addEventListener('abort', aborted, { once: true });
  });
}
