/**
 * Whether calls are made at all. After a few failures in a row nobody waits any more: calls are
 * refused at once, and a probe in the background, one at a time, finds out when it works again.
 */
import type { Cancel, Clock } from '@org/core';

export type BreakerState = 'closed' | 'open' | 'half-open';

export interface BreakerSettings {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long it stays open before a probe, in ms. */
  readonly openMs: number;
  readonly clock: Clock;
  /** Rejects while it does not work. */
  readonly probe: () => Promise<unknown>;
  readonly onOpen: (error: unknown) => void;
  readonly onClose: () => void;
}

export class Breaker {
  private readonly settings: BreakerSettings;
  private failures: number = 0;
  private current: BreakerState = 'closed';
  private cancelProbe: Cancel | undefined = undefined;
  /** Tells the probe that counts from those whose answer comes too late to say anything. */
  private lastProbe: number = 0;
  private disposed: boolean = false;

  constructor(settings: BreakerSettings) {
    this.settings = settings;
  }

  get state(): BreakerState {
    return this.current;
  }

  get refuses(): boolean {
    return this.current !== 'closed';
  }

  /** A call was answered in time. */
  succeeded(): void {
    this.failures = 0;
  }

  /** A call was not answered, or too late. */
  failed(error: unknown): void {
    // Calls from before it opened say nothing new.
    if (this.current !== 'closed' || this.disposed) return;
    this.failures++;
    if (this.failures < this.settings.failures) return;
    this.open();
    this.settings.onOpen(error);
  }

  /** It works again, as others have found out. */
  close(): void {
    this.forgetProbe();
    this.failures = 0;
    if (this.current === 'closed') return;
    this.current = 'closed';
    this.settings.onClose();
  }

  /** Leaves no timer, and never opens again. */
  dispose(): void {
    this.disposed = true;
    this.forgetProbe();
  }

  private forgetProbe(): void {
    this.lastProbe++;
    this.cancelProbe?.();
    this.cancelProbe = undefined;
  }

  private open(): void {
    this.current = 'open';
    this.cancelProbe = this.settings.clock.after(this.settings.openMs, () => this.probe());
  }

  private probe(): void {
    this.cancelProbe = undefined;
    this.current = 'half-open';
    const probe = ++this.lastProbe;
    this.settings.probe().then(
      () => {
        if (probe === this.lastProbe) this.close();
      },
      () => {
        if (probe === this.lastProbe) this.open();
      },
    );
  }
}
