/** Has a fault happen to a request, and says so in the answer where there is one. */
import { Transform } from 'node:stream';
import {
  type Clock,
  defineStages,
  type Exchange,
  HANDLED,
  ProblemError,
  type ResponseHead,
  type Stages,
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
  private readonly key = stateKey<Injected>('devtools fault');
  /** What lets go of each request that is held back. */
  private readonly held: Map<Exchange, () => void> = new Map();
  private closed: boolean = false;
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

  /** What happened to an exchange, for those who show it. */
  injectedInto(exchange: Exchange): string | undefined {
    return exchange.getState(this.key)?.label;
  }

  /** @throws ProblemError where the fault is a status of an error without a body of its own: the error handlers answer */
  inject(exchange: Exchange, fault: FaultKind): StepResult {
    const holds = fault === 'stall' || (typeof fault === 'object' && 'delayMs' in fault);
    if (holds && (this.closed || this.held.size >= MAX_HELD)) {
      this.skippedTotal++;
      return undefined;
    }
    this.injectedTotal++;
    const label = faultLabel(fault);
    exchange.setState(this.key, { label, wholeBytes: undefined });
    exchange.tap(fault === 'truncate' ? this.truncated : this.marked);
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

  /** Lets go of all that are held back, and holds no more: delayed ones go on, stalled ones are cut off. */
  close(): void {
    this.closed = true;
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

  private mark(head: ResponseHead, exchange: Exchange): Injected {
    const injected = exchange.getState(this.key)!;
    head.set(FAULT_INJECTED, injected.label);
    return injected;
  }

  private readonly marked: Stages = defineStages({
    head: (head, exchange) => void this.mark(head, exchange),
    done: (exchange) => {
      const release = this.held.get(exchange);
      this.held.delete(exchange);
      release?.();
    },
  });

  /**
   * Half of an answer: as a coding that loses the rest, with the length that it should have had, so
   * that the client knows what it misses (RFC 9112 §8).
   */
  private readonly truncated: Stages = defineStages({
    encode: (_head, body, exchange) => {
      exchange.getState(this.key)!.wholeBytes = body.length;
      return { coding: 'identity', body: body.subarray(0, body.length >> 1) };
    },
    encoder: (_head, exchange) =>
      exchange.req.method === 'HEAD'
        ? undefined
        : { coding: 'identity', stream: halving(exchange) },
    head: (head, exchange) => {
      const { wholeBytes } = this.mark(head, exchange);
      // There is no such coding (RFC 9110 §8.4.1); it stood for the one above.
      if (head.get('Content-Encoding') === 'identity') head.remove('Content-Encoding');
      if (wholeBytes !== undefined) head.set('Content-Length', wholeBytes);
    },
    done: ({ req }) => void req.socket.destroy(),
  });
}

/** Passes half of the first part, and cuts the connection. */
function halving({ res }: Exchange): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, chunk.subarray(0, Math.ceil(chunk.length / 2)));
      setImmediate(() => res.destroy());
    },
  });
}

function answer(
  { res }: Exchange,
  { status, body }: { readonly status: number; readonly body?: unknown },
): typeof HANDLED {
  if (body === undefined && status >= 400) {
    throw new ProblemError({
      code: 'ERR_FAULT_INJECTED',
      status,
      detail: 'This answer was made to fail on purpose.',
      expose: true,
    });
  }
  // No cache may take it for the real one.
  res.status(status).set('Cache-Control', 'no-store');
  if (body === undefined) res.end();
  else if (typeof body === 'string') res.send(body);
  else res.json(body);
  return HANDLED;
}
