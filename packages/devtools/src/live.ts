/**
 * Open pages hear of exchanges as they end, by server-sent events (HTML §9.2). A page that does not
 * take what it is sent is cut off; it asks for the list when it comes back.
 */
import { type Cancel, type Clock, defineStages, type Exchange, ProblemError } from '@org/core';

/** What may wait for a page that takes nothing, in bytes. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** How often open pages are told that the stream lives, in ms: what stands between must not take it for dead. */
const BEAT_MS = 15_000;

export class Live {
  private readonly maxTabs: number;
  private readonly clock: Clock;
  private readonly tabs: Set<Exchange> = new Set();
  private stopBeat: Cancel | undefined = undefined;
  private closed: boolean = false;

  constructor(maxTabs: number, clock: Clock) {
    this.maxTabs = maxTabs;
    this.clock = clock;
  }

  get size(): number {
    return this.tabs.size;
  }

  /** @throws ProblemError where there is no place, or the service ends */
  open(exchange: Exchange): void {
    if (this.closed) throw noPlace('The service is about to end.');
    if (this.tabs.size >= this.maxTabs) throw noPlace(`${this.maxTabs} pages are open already.`);
    const { req, res } = exchange;
    res.statusCode = 200;
    res.setHeader('Content-Type', 'text/event-stream');
    // no-transform: a coding would hold events back to fill its window.
    res.setHeader('Cache-Control', 'no-store, no-transform');
    res.setHeader('X-Accel-Buffering', 'no');
    res.setHeader('X-Content-Type-Options', 'nosniff');
    if (req.method === 'HEAD') {
      res.end();
      return;
    }
    exchange.tap(this.watching);
    this.tabs.add(exchange);
    res.write('retry: 1000\n\n');
    this.stopBeat ??= this.clock.every(BEAT_MS, () => this.write(':\n\n'));
  }

  send(event: string, data: object): void {
    if (this.tabs.size === 0) return;
    this.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** Lets go of all, and takes no more: a page that stays would hold up the end of the service. */
  close(): void {
    this.closed = true;
    for (const { res } of this.tabs) res.end();
    this.tabs.clear();
    this.rest();
  }

  private readonly watching = defineStages({
    done: (exchange) => {
      this.tabs.delete(exchange);
      if (this.tabs.size === 0) this.rest();
    },
  });

  private write(text: string): void {
    for (const { res } of this.tabs) {
      if (res.writableLength > MAX_WAITING_BYTES) res.destroy();
      else res.write(text);
    }
  }

  private rest(): void {
    this.stopBeat?.();
    this.stopBeat = undefined;
  }
}

function noPlace(detail: string): ProblemError {
  return new ProblemError({
    code: 'ERR_DEVTOOLS_UNAVAILABLE',
    status: 503,
    detail,
    expose: true,
    headers: { 'Retry-After': '5' },
  });
}
