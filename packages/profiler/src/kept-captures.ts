/** The captures that are kept, bounded by their number and their bytes; the oldest goes first. */
import type { Capture } from './capture.ts';

export class KeptCaptures {
  evictedTotal: number = 0;
  /** Bytes of all profiles that are kept. */
  keptBytes: number = 0;
  private readonly byId = new Map<string, Capture>();
  private readonly maxCaptures: number;
  private readonly maxKeptBytes: number;

  constructor(maxCaptures: number, maxKeptBytes: number) {
    this.maxCaptures = maxCaptures;
    this.maxKeptBytes = maxKeptBytes;
  }

  get size(): number {
    return this.byId.size;
  }

  find(id: string): Capture | undefined {
    return this.byId.get(id);
  }

  /** The newest first. */
  all(): Capture[] {
    return [...this.byId.values()].toReversed();
  }

  /** Keeps a capture, unless it is larger than all may be together; says whether it is kept. */
  add(capture: Capture): boolean {
    if (capture.profile.byteLength > this.maxKeptBytes) return false;
    this.byId.set(capture.id, capture);
    this.keptBytes += capture.profile.byteLength;
    for (const oldest of this.byId.values()) {
      if (this.byId.size <= this.maxCaptures && this.keptBytes <= this.maxKeptBytes) break;
      this.byId.delete(oldest.id);
      this.keptBytes -= oldest.profile.byteLength;
      this.evictedTotal++;
    }
    return true;
  }

  clear(): void {
    this.byId.clear();
    this.keptBytes = 0;
  }
}
