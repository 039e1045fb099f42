/**
 * Fetching stored answers anew in the background: the application's own handlers run
 * for a request that the cache makes itself. Those whose lifetime is over come first,
 * then the most used ones of those that will expire soon, and these within a budget:
 * after each, its place rests, so that refreshing ahead takes a bounded share of time.
 */
import {
  type Clock,
  type Exchange,
  internalRequest,
  type InternalRequestInit,
  type StateKey,
  stateKey,
} from '@org/core';
import type { Request } from 'express';
import type { TLSSocket } from 'node:tls';

import type { Entry } from './entry.ts';
import type { Landing } from './flights.ts';
import type { Statistics } from './statistics.ts';
import type { Listener } from './whole.ts';

/** What a request of the cache's own is for. */
export interface Assignment {
  /** What is to be fetched anew; absent for what is not stored yet. */
  readonly stale: Entry | undefined;
  readonly land: (landing: Landing) => void;
}

export interface RefreshingOptions {
  readonly refreshConcurrency: number;
  readonly refreshBudgetRatio: number;
  readonly refreshTimeoutMs: number;
  readonly clock: Clock;
}

interface Candidate {
  readonly entry: Entry;
  readonly listener: Listener;
  readonly init: InternalRequestInit;
  /** Its lifetime is over; it is not refreshed ahead, but now. */
  readonly due: boolean;
}

/** Answers that may wait for a place; a further one is asked for again by its next hit. */
const MAX_WAITING = 1000;
/** How long an answer is left alone once its refresh has failed, in ms. */
const RETRY_MS = 1000;

/** Fields of the request that brought a refresh about which say nothing of the answer to fetch. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  'cache-control',
  'connection',
  'content-length',
  'content-type',
  'expect',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'keep-alive',
  'pragma',
  'range',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export class Refreshing {
  private readonly options: RefreshingOptions;
  private readonly statistics: Statistics;
  private readonly assignments: StateKey<Assignment> = stateKey<Assignment>('cache refresh');
  private readonly waiting: Map<Entry, Candidate> = new Map();
  private readonly running: Set<Entry> = new Set();
  private readonly giveUp: AbortController = new AbortController();
  private places: number = 0;

  constructor(options: RefreshingOptions, statistics: Statistics) {
    this.options = options;
    this.statistics = statistics;
  }

  /** What the cache wanted with a request of its own. */
  assignmentOf(exchange: Exchange): Assignment | undefined {
    return exchange.internal ? exchange.getState(this.assignments) : undefined;
  }

  /** Asks for an entry to be fetched anew, on the model of the request that has just met it. */
  request(entry: Entry, req: Request, listener: Listener, due: boolean): void {
    if (this.waiting.has(entry) || this.running.has(entry) || this.giveUp.signal.aborted) return;
    if (this.options.clock.monotonicMs() < entry.refreshAfterMs) return;
    if (this.waiting.size >= MAX_WAITING) return;
    this.waiting.set(entry, { entry, listener, init: modelledOn(req), due });
    this.pump();
  }

  /** Sends one request of the cache's own, and tells how it ended. */
  async send(
    listener: Listener,
    init: InternalRequestInit,
    stale: Entry | undefined,
  ): Promise<Landing> {
    let landing: Landing = 'gone';
    const land = (to: Landing): void => {
      if (landing === 'gone') landing = to;
    };
    const { refreshTimeoutMs, clock } = this.options;
    const limit = new AbortController();
    const stop = (): void => limit.abort();
    const cancel = clock.after(refreshTimeoutMs, stop);
    this.giveUp.signal.addEventListener('abort', stop, { once: true });
    try {
      await internalRequest(listener, { ...init, clock, signal: limit.signal }, (exchange) =>
        exchange.setState(this.assignments, { stale, land }),
      );
    } finally {
      cancel();
      this.giveUp.signal.removeEventListener('abort', stop);
    }
    return landing;
  }

  /** Gives up what is under way. */
  close(): void {
    this.waiting.clear();
    this.giveUp.abort();
  }

  private pump(): void {
    while (this.places < this.options.refreshConcurrency) {
      const next = best(this.waiting.values());
      if (next === undefined) return;
      this.waiting.delete(next.entry);
      void this.run(next);
    }
  }

  private async run({ entry, listener, init, due }: Candidate): Promise<void> {
    const { clock, refreshBudgetRatio } = this.options;
    this.places++;
    this.running.add(entry);
    const begunMs = clock.monotonicMs();
    const landing = await this.send(listener, init, entry);
    const tookMs = clock.monotonicMs() - begunMs;
    this.running.delete(entry);
    if (typeof landing === 'object') {
      this.statistics.refreshesTotal++;
    } else {
      this.statistics.refreshesFailedTotal++;
      entry.refreshAfterMs = clock.monotonicMs() + RETRY_MS;
    }
    const restMs = due ? 0 : tookMs * (1 / refreshBudgetRatio - 1);
    if (restMs < 1 || this.giveUp.signal.aborted) this.freePlace();
    else clock.after(restMs, () => this.freePlace());
  }

  private freePlace(): void {
    this.places--;
    this.pump();
  }
}

/** What is due comes first, then what is used most. */
function best(candidates: Iterable<Candidate>): Candidate | undefined {
  let found: Candidate | undefined;
  for (const one of candidates) {
    if (
      found === undefined ||
      (one.due !== found.due ? one.due : one.entry.hits > found.entry.hits)
    ) {
      found = one;
    }
  }
  return found;
}

/** The same request once more, from the same client, without its conditions. */
function modelledOn(req: Request): InternalRequestInit {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(req.headers)) {
    if (value !== undefined && !NOT_COPIED.has(name)) headers[name] = value;
  }
  return {
    url: req.originalUrl,
    headers,
    encrypted: (req.socket as TLSSocket).encrypted,
    remoteAddress: req.socket.remoteAddress ?? '',
  };
}
