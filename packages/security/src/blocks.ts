/**
 * Who is blocked, until when, and how often that has happened. A block that is over is
 * remembered for as long as the longest lasts: whoever comes back to it is blocked for longer.
 */
import { LRUCache } from 'lru-cache';

/** One who is, or was, blocked. */
export interface Block {
  /** An address, a network such as `2001:db8:0:100::/56`, or `principal:` and a hash. */
  readonly key: string;
  /** Why, in the words of whoever noted the last point, or blocked by hand. */
  readonly reason: string;
  /** Blocked by an operator: authentication is no relief. */
  readonly manual: boolean;
  /** How often, this time included. */
  readonly strikes: number;
  /** When it ends, in monotonic ms. */
  readonly untilMs: number;
}

export interface BlockTimes {
  /** The first block, in ms. */
  readonly blockMs: number;
  /** The longest block, in ms. */
  readonly maxBlockMs: number;
}

/** Each block is so many times longer than the one before. */
const GROWTH = 2;

export class Blocks {
  private readonly times: BlockTimes;
  private readonly blocks: LRUCache<string, Block>;

  constructor(times: BlockTimes, maxEntries: number) {
    this.times = times;
    this.blocks = new LRUCache({ maxSize: maxEntries, sizeCalculation: () => 1 });
  }

  /** Those that are remembered, the ones that are over included. */
  get size(): number {
    return this.blocks.size;
  }

  /** The block that holds now. */
  find(key: string, nowMs: number): Block | undefined {
    const block = this.blocks.get(key);
    return block === undefined || block.untilMs <= nowMs ? undefined : block;
  }

  /** How often it has been blocked, as far as that is remembered. */
  strikesOf(key: string, nowMs: number): number {
    const block = this.blocks.get(key);
    if (block === undefined) return 0;
    return nowMs - block.untilMs < this.times.maxBlockMs ? block.strikes : 0;
  }

  /** Blocks for longer than the last time, or for `durationMs`. */
  begin(key: string, reason: string, nowMs: number, durationMs?: number): Block {
    const strikes = this.strikesOf(key, nowMs) + 1;
    const { blockMs, maxBlockMs } = this.times;
    const grownMs = Math.min(blockMs * GROWTH ** (strikes - 1), maxBlockMs);
    const manual = durationMs !== undefined;
    const untilMs = nowMs + (durationMs ?? grownMs);
    const block: Block = { key, reason, manual, strikes, untilMs };
    this.blocks.set(key, block);
    return block;
  }

  /**
   * Takes over a block that was made elsewhere, unless the one that holds here is the stronger:
   * an operator's, or else the longer. One that is over is only remembered. Says whether it
   * holds from now on.
   */
  takeOver(block: Block, nowMs: number): boolean {
    const held = this.find(block.key, nowMs);
    if (held !== undefined && !block.manual && (held.manual || held.untilMs >= block.untilMs)) {
      return false;
    }
    this.blocks.set(block.key, block);
    return block.untilMs > nowMs;
  }

  /** Ends a block and forgets that it was; says whether it held. */
  lift(key: string, nowMs: number): boolean {
    const held = this.find(key, nowMs) !== undefined;
    this.blocks.delete(key);
    return held;
  }

  /** Those that hold now; the longest first. */
  held(nowMs: number): Block[] {
    return [...this.blocks.values()]
      .filter(({ untilMs }) => untilMs > nowMs)
      .toSorted((one, other) => other.untilMs - one.untilMs);
  }

  clear(): void {
    this.blocks.clear();
  }
}
