/**
 * Keys by which another service knows a write again (`Idempotency-Key`, an IETF draft). One key
 * holds for all attempts. Work on a request that came with a key derives its own from that, so that
 * the client's retry asks the other service with the same ones.
 */
import { createHash, randomUUID } from 'node:crypto';
import {
  CREDENTIAL_DEFAULTS,
  Credentials,
  type Exchange,
  type StateKey,
  stateKey,
} from '@org/core';

export class OutboundKeys {
  private readonly credentials: Credentials = new Credentials(CREDENTIAL_DEFAULTS);
  /** How often each exchange has asked for the same: two equal writes are two. */
  private readonly counts: StateKey<Map<string, number>> = stateKey('outbound idempotency keys');

  /** A key for a write, as the draft writes it: a Structured Field String. */
  keyFor(exchange: Exchange | undefined, method: string, url: string): string {
    const inbound = exchange?.req.headers['idempotency-key'];
    if (exchange === undefined || inbound === undefined) return `"${randomUUID()}"`;
    const { req } = exchange;
    const parts = [inbound, this.senderOf(exchange), req.method, req.originalUrl, method, url];
    const digest = createHash('sha256')
      .update(JSON.stringify([...parts, this.next(exchange, `${method} ${url}`)]))
      .digest('base64url');
    return `"${digest}"`;
  }

  /** Keys of different clients may be equal; what they lead to must not be. */
  private senderOf(exchange: Exchange): string | undefined {
    return (
      this.credentials.partOf(exchange, 'principal') ??
      this.credentials.partOf(exchange, 'credentials') ??
      exchange.req.ip
    );
  }

  private next(exchange: Exchange, write: string): number {
    let counts = exchange.getState(this.counts);
    if (counts === undefined) {
      counts = new Map<string, number>();
      exchange.setState(this.counts, counts);
    }
    const count = counts.get(write) ?? 0;
    counts.set(write, count + 1);
    return count;
  }
}
