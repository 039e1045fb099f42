/**
 * Ids for traces and spans, made from a pool of random bytes that is filled at once:
 * asking the system for eight bytes per request would cost more than the request's id.
 */
import { randomFillSync } from 'node:crypto';

/** Fills bytes with randomness. */
export type FillRandom = (bytes: Uint8Array) => void;

const POOL_BYTES = 4096;

/** One instance's source of ids. */
export class RandomIds {
  private readonly pool: Buffer = Buffer.allocUnsafeSlow(POOL_BYTES);
  private readonly fill: FillRandom;
  private at: number = POOL_BYTES;

  constructor(fill: FillRandom = randomFillSync) {
    this.fill = fill;
  }

  /** 32 lower-case hex digits, never all zero. */
  traceId(): string {
    return this.hex(16, ZERO_TRACE);
  }

  /** 16 lower-case hex digits, never all zero. */
  spanId(): string {
    return this.hex(8, ZERO_SPAN);
  }

  private hex(bytes: number, refused: string): string {
    for (let tries = 0; tries < 10; tries++) {
      if (this.at + bytes > POOL_BYTES) {
        this.fill(this.pool);
        this.at = 0;
      }
      const id = this.pool.toString('hex', this.at, this.at + bytes);
      this.at += bytes;
      if (id !== refused) return id;
    }
    throw new Error('correlation: the source of randomness gives zeros only; check "fillRandom".');
  }
}

const ZERO_TRACE = '0'.repeat(32);
const ZERO_SPAN = '0'.repeat(16);
