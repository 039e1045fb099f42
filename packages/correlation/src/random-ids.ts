/**
 * Ids for traces and spans, cut out of a pool of random digits that is made at once:
 * asking the system for eight bytes per request would cost more than the request's id,
 * and so would turning them into digits.
 */
import { randomFillSync } from 'node:crypto';

/** Fills bytes with randomness. */
export type FillRandom = (bytes: Uint8Array) => void;

/** Small, because an id that somebody keeps keeps the digits around it, too. */
const POOL_BYTES = 1024;

/** One instance's source of ids. */
export class RandomIds {
  private readonly pool: Buffer = Buffer.allocUnsafeSlow(POOL_BYTES);
  private readonly fill: FillRandom;
  private digits: string = '';
  private at: number = 0;

  constructor(fill: FillRandom = randomFillSync) {
    this.fill = fill;
  }

  /** 32 lower-case hex digits, never all zero. */
  traceId(): string {
    return this.take(32, ZERO_TRACE);
  }

  /** 16 lower-case hex digits, never all zero. */
  spanId(): string {
    return this.take(16, ZERO_SPAN);
  }

  private take(length: number, refused: string): string {
    for (let tries = 0; tries < 10; tries++) {
      if (this.at + length > this.digits.length) {
        this.fill(this.pool);
        this.digits = this.pool.toString('hex');
        this.at = 0;
      }
      const id = this.digits.slice(this.at, (this.at += length));
      if (id !== refused) return id;
    }
    throw new Error('correlation: the source of randomness gives zeros only; check "fillRandom".');
  }
}

const ZERO_TRACE = '0'.repeat(32);
const ZERO_SPAN = '0'.repeat(16);
