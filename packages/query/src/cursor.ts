/**
 * Cursors: a place in an order, signed, so that clients hand back what they were given and nothing
 * else. One is a version, the order's fingerprint, a signature (HMAC-SHA-256, RFC 2104, of which 128
 * bits are kept, §5) over these, the scope and the values, and the values, as base64url (RFC 4648 §5).
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { ProblemError } from '@org/core';

import type { Ordered } from './order.ts';
import type { Position } from './seek-condition.ts';

const VERSION = 1;
const ORDER_BYTES = 4;
const SIGNATURE_BYTES = 16;
const HEAD_BYTES = 1 + ORDER_BYTES;

/** Writes and reads the cursors of one order. */
export class Cursors {
  private readonly secrets: readonly string[];
  private readonly head: Buffer;
  private readonly columns: number;
  private readonly maxBytes: number;

  /** @param secrets the first signs, all of them are believed */
  constructor(secrets: readonly string[], order: readonly Ordered[], maxBytes: number) {
    this.secrets = secrets;
    const print = createHash('sha256').update(JSON.stringify(order)).digest();
    this.head = Buffer.concat([Buffer.of(VERSION), print.subarray(0, ORDER_BYTES)]);
    this.columns = order.length;
    this.maxBytes = maxBytes;
  }

  /** @throws ProblemError `ERR_CURSOR_TOO_LONG` for values that make no cursor of a bearable length */
  write(position: Position, scope: string): string {
    const values = Buffer.from(JSON.stringify(position));
    const signature = this.sign(this.secrets[0]!, values, scope);
    const cursor = Buffer.concat([this.head, signature, values]).toString('base64url');
    if (cursor.length <= this.maxBytes) return cursor;
    throw new ProblemError({
      code: 'ERR_CURSOR_TOO_LONG',
      detail: `A cursor of ${cursor.length} bytes is longer than "maxCursorBytes" (${this.maxBytes}): order by shorter values.`,
    });
  }

  /** @throws ProblemError `ERR_CURSOR_INVALID` for what is no cursor of this order and scope */
  read(cursor: unknown, scope: string): Position {
    if (typeof cursor !== 'string' || cursor.length > this.maxBytes || !CURSOR.test(cursor)) {
      throw invalid('is no cursor');
    }
    const bytes = Buffer.from(cursor, 'base64url');
    // The last character has bits to spare: one cursor, one text.
    if (bytes.length <= HEAD_BYTES + SIGNATURE_BYTES || bytes.toString('base64url') !== cursor) {
      throw invalid('is no cursor');
    }
    if (bytes[0] !== VERSION) throw invalid('is of a form that is not used any more');
    if (!bytes.subarray(0, HEAD_BYTES).equals(this.head)) throw invalid('is one of another order');
    const signature = bytes.subarray(HEAD_BYTES, HEAD_BYTES + SIGNATURE_BYTES);
    const values = bytes.subarray(HEAD_BYTES + SIGNATURE_BYTES);
    const isOurs = this.secrets.some((secret) =>
      timingSafeEqual(this.sign(secret, values, scope), signature),
    );
    if (!isOurs) throw invalid('is not one of ours, or outdated, or of another list');
    return this.positionOf(JSON.parse(values.toString()));
  }

  /** What is signed has been made here; of another number of columns it is one of another release. */
  private positionOf(values: unknown): Position {
    if (Array.isArray(values) && values.length === this.columns) return values as Position;
    throw invalid('is one of another order');
  }

  private sign(secret: string, values: Buffer, scope: string): Buffer {
    // The scope's length stands before it: no text of it can pass for values.
    return createHmac('sha256', secret)
      .update(this.head)
      .update(`${Buffer.byteLength(scope)}:${scope}`)
      .update(values)
      .digest()
      .subarray(0, SIGNATURE_BYTES);
  }
}

const CURSOR = /^[\w-]+$/;

/** Of a cursor that cannot be gone on from. */
export function invalid(why: string): ProblemError {
  return new ProblemError({
    code: 'ERR_CURSOR_INVALID',
    status: 400,
    detail: `The cursor ${why}. Follow the ones of a page, or leave it out to begin anew.`,
  });
}
