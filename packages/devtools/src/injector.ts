/** Has a fault happen to a request, and says so in the answer where there is one. */
import { Transform } from 'node:stream';
import {
  type Clock,
  defineStages,
  type Exchange,
  HANDLED,
  ProblemError,
  stateKey,
  type StepResult,
} from '@org/core';

import { type FaultKind, faultLabel } from './fault-rules.ts';

/** The header of an answer that tells which fault it suffered from. */
export const FAULT_INJECTED = 'X-Fault-Injected';

/** How many requests may be held back at once, delayed or stalled; further ones pass. */
const MAX_HELD = 1000;

interface Injected {
  readonly label: string;
  /** How long the answer would have been, in bytes, of which half is sent. */
  wholeBytes: number | undefined;
}

/** The faults of one instance. */
export class Injector {
  private readonly clock: Clock;
  /** What lets go of each request that is held back. */
  private readonly held: Map<Exchange, () => void> = new Map();
  injectedTotal: number = 0;
  /** Faults that were left out because too many requests are held back already. */
  skippedTotal: number = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** How many requests are held back now. */
  get heldCount(): number {
    return this.held.size;
  }

  /** @throws ProblemError where the fault is a status without a body of its own: the error handlers answer */
  inject(exchange: Exchange, fault: FaultKind): StepResult {
    const holds = fault === 'stall' || (typeof fault === 'object' && 'delayMs' in fault);
    if (holds && this.held.size >= MAX_HELD) {
      this.skippedTotal++;
      return undefined;
    }
    this.injectedTotal++;
    const label = faultLabel(fault);
    exchange.setState(INJECTED, { label, wholeBytes: undefined });
    exchange.tap(fault === 'truncate' ? truncated : this.marked);
    if (fault === 'truncate') return undefined;
    if (fault === 'abort') {
      exchange.res.destroy();
      return HANDLED;
    }
    if (fault === 'stall') {
      this.held.set(exchange, () => void exchange.res.destroy());
      return HANDLED;
    }
    return 'delayMs' in fault ? this.delay(exchange, fault.delayMs) : answer(exchange, fault);
  }

  /** Lets go of all that are held back: delayed ones go on, stalled ones are cut off. */
  close(): void {
    for (const release of this.held.values()) release();
    this.held.clear();
  }

  private delay(exchange: Exchange, delayMs: number): Promise<void | typeof HANDLED> {
    return new Promise((resolve) => {
      const release = (): void => {
        cancel();
        this.held.delete(exchange);
        resolve(exchange.settled ? HANDLED : undefined);
      };
      const cancel = this.clock.after(delayMs, release);
      this.held.set(exchange, release);
    });
  }

  private readonly marked: ReturnType<typeof defineStages> = defineStages({
    head: mark,
    done: (exchange) => {
      const release = this.held.get(exchange);
      this.held.delete(exchange);
      release?.();
    },
  });
}

/** What happened to an exchange, for those who show it. */
export function injectedInto(exchange: Exchange): string | undefined {
  return exchange.getState(INJECTED)?.label;
}

const INJECTED = stateKey<Injected>('devtools fault');

function mark(head: { set(name: string, value: string): void }, exchange: Exchange): void {
  head.set(FAULT_INJECTED, exchange.getState(INJECTED)!.label);
}

function answer(
  { res }: Exchange,
  { status, body }: { readonly status: number; readonly body?: unknown },
): typeof HANDLED {
  if (body === undefined) {
    throw new ProblemError({
      code: 'ERR_FAULT_INJECTED',
      status,
      detail: 'This answer was made to fail on purpose.',
      expose: true,
    });
  }
  // No cache may take it for the real one.
  res.status(status).set('Cache-Control', 'no-store');
  if (typeof body === 'string') res.send(body);
  else res.json(body);
  return HANDLED;
}

/**
 * Half of an answer: as a coding that loses the rest, with the length that it should have had, so
 * that the client knows what it misses (RFC 9112 §8).
 */
const truncated = defineStages({
  encode(_head, body, exchange) {
    exchange.getState(INJECTED)!.wholeBytes = body.length;
    return { coding: 'identity', body: body.subarray(0, body.length >> 1) };
  },
  encoder(_head, exchange) {
    if (exchange.req.method === 'HEAD') return undefined;
    return {
      coding: 'identity',
      stream: new Transform({
        transform(chunk: Buffer, _encoding, done) {
          done(null, chunk.subarray(0, Math.ceil(chunk.length / 2)));
          setImmediate(() => exchange.res.destroy());
        },
      }),
    };
  },
  head(head, exchange) {
    mark(head, exchange);
    // There is no such coding (RFC 9110 §8.4.1); it stood for the one above.
    if (head.get('Content-Encoding') === 'identity') head.remove('Content-Encoding');
    const { wholeBytes } = exchange.getState(INJECTED)!;
    if (wholeBytes !== undefined) head.set('Content-Length', wholeBytes);
  },
  done({ req }) {
    req.socket.destroy();
  },
});
