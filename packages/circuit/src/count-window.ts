/** The last so many calls, in a ring. */
import type { Window } from './window.ts';

export class CountWindow implements Window {
  calls: number = 0;
  hits: number = 0;
  private readonly ring: Uint8Array;
  private at: number = 0;

  constructor(windowCalls: number) {
    this.ring = new Uint8Array(windowCalls);
  }

  add(hit: boolean): void {
    const { ring, at } = this;
    if (this.calls < ring.length) this.calls++;
    this.hits += (hit ? 1 : 0) - ring[at]!;
    ring[at] = hit ? 1 : 0;
    this.at = at + 1 === ring.length ? 0 : at + 1;
  }

  clear(): void {
    this.ring.fill(0);
    this.calls = this.hits = this.at = 0;
  }
}
