/** Opens when a share of the calls has failed, or was slow. */
import type { Strategy } from './strategy.ts';
import type { Window } from './window.ts';

export class Rate implements Strategy {
  private readonly of: 'failed' | 'slow';
  private readonly window: Window;
  private readonly ratio: number;
  private readonly minimumCalls: number;

  constructor(of: 'failed' | 'slow', window: Window, ratio: number, minimumCalls: number) {
    this.of = of;
    this.window = window;
    this.ratio = ratio;
    this.minimumCalls = minimumCalls;
  }

  count(failed: boolean, slow: boolean, nowMs: number): boolean {
    const { window } = this;
    const hit = this.of === 'failed' ? failed : slow;
    window.add(hit, nowMs);
    // Only a hit opens: another call may raise the share, too, by pushing others out of the window.
    return hit && window.calls >= this.minimumCalls && window.hits >= window.calls * this.ratio;
  }

  reset(): void {
    this.window.clear();
  }

  describe(): string {
    const { hits, calls } = this.window;
    return `${hits} of ${calls} calls ${this.of === 'failed' ? 'failed' : 'were slow'}`;
  }
}
