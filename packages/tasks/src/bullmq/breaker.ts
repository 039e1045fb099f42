/**
 * Whether a server is asked at all. After a few failures in a row nobody waits for it any more:
 * whoever comes is refused at once, and a probe, one at a time, finds out when it answers again.
 */
import type { Cancel, Clock } from '@org/core';

/** Failures in a row that open it: one alone may be a moment's. */
const FAILURES = 3;
/** How long until the next probe, in ms. */
const PROBE_MS = 1000;

export interface BreakerSettings {
  readonly clock: Clock;
  /** Rejects while the server does not answer. */
  readonly probe: () => Promise<unknown>;
  /** It has opened. */
  readonly onOpen: (error: unknown) => void;
}

export class Breaker {
  private readonly settings: BreakerSettings;
  private failures: number = 0;
  private reason: unknown = undefined;
  private cancelProbe: Cancel | undefined = undefined;
  private disposed: boolean = false;

  constructor(settings: BreakerSettings) {
    this.settings = settings;
  }

  get isOpen(): boolean {
    return this.failures >= FAILURES;
  }

  /** What opened it last. */
  get cause(): unknown {
    return this.reason;
  }

  answered(): void {
    // What was asked before it opened is no probe.
    if (!this.isOpen) this.failures = 0;
  }

  failed(error: unknown): void {
    if (this.isOpen || this.disposed) return;
    this.failures++;
    if (!this.isOpen) return;
    this.reason = error;
    this.settings.onOpen(error);
    this.wait();
  }

  /** Leaves no timer, and never opens again. */
  dispose(): void {
    this.disposed = true;
    this.cancelProbe?.();
  }

  private wait(): void {
    if (this.disposed) return;
    this.cancelProbe = this.settings.clock.after(PROBE_MS, () => {
      this.settings.probe().then(
        () => (this.failures = 0),
        () => this.wait(),
      );
    });
  }
}
