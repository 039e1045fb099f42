/** Opens when a share of the calls was slow, whether or not they failed. */
import type { Strategy } from './strategy.ts';
import type { Window } from './window.ts';

export class SlowCallRate implements Strategy {
  private readonly window: Window;
  private readonly ratio: number;
  private readonly minimumCalls: number;

  constructor(window: Window, ratio: number, minimumCalls: number) {
    this.window = window;
    this.ratio = ratio;
    this.minimumCalls = minimumCalls;
  }

  count(_failed: boolean, slow: boolean, nowMs: number): boolean {
    const { window } = this;
    window.add(slow, nowMs);
    return slow && window.calls >= this.minimumCalls && window.hits >= window.calls * this.ratio;
  }

  reset(): void {
    this.window.clear();
  }

  describe(): string {
    return `${this.window.hits} of ${this.window.calls} calls were slow`;
  }
}
