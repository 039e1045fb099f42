/** Opens when a share of the calls has failed. */
import type { Strategy } from './strategy.ts';
import type { Window } from './window.ts';

export class ErrorRate implements Strategy {
  private readonly window: Window;
  private readonly ratio: number;
  private readonly minimumCalls: number;

  constructor(window: Window, ratio: number, minimumCalls: number) {
    this.window = window;
    this.ratio = ratio;
    this.minimumCalls = minimumCalls;
  }

  count(failed: boolean, _slow: boolean, nowMs: number): boolean {
    const { window } = this;
    window.add(failed, nowMs);
    // Only a failure opens: a success may raise the share, too, by pushing others out of the window.
    return failed && window.calls >= this.minimumCalls && window.hits >= window.calls * this.ratio;
  }

  reset(): void {
    this.window.clear();
  }

  describe(): string {
    return `${this.window.hits} of ${this.window.calls} calls failed`;
  }
}
