/**
 * Watches the answer to a request that has claimed its key, on its way out, and has the record
 * say what it means. Where the store is in memory the record is there before the answer's first
 * byte leaves; where it is not, the write is under way by then.
 */
import {
  type BodySink,
  defineStages,
  type Exchange,
  type ResponseHead,
  type StateKey,
  stateKey,
  type Stages,
} from '@org/core';

import {
  answerHeaders,
  type FlatHeaders,
  type HeaderSnapshot,
  snapshot,
  type Withheld,
  withheldFromReplays,
} from './answer-headers.ts';
import type { IdempotencyOptions } from './idempotency-options.ts';
import type { Claim } from './claim.ts';
import type { KeptAnswer } from './record.ts';

/** How a request ended, as far as its key is concerned. */
export type Ending = { readonly kept: KeptAnswer } | 'released' | 'lost';

/** Hears how requests end; of one request more than once, where the client has gone. */
export type OnEnding = (claim: Claim, ending: Ending, exchange: Exchange) => void;

interface Watched {
  readonly claim: Claim;
  readonly before: HeaderSnapshot;
}

const EMPTY: Buffer = Buffer.alloc(0);

/** Keeps answers. */
export class Keeping {
  private readonly options: Readonly<IdempotencyOptions>;
  private readonly onEnding: OnEnding;
  private readonly withheld: Withheld;
  private readonly watched: StateKey<Watched> = stateKey<Watched>('idempotency');
  private readonly stages: Stages;

  constructor(options: Readonly<IdempotencyOptions>, onEnding: OnEnding) {
    this.options = options;
    this.onEnding = onEnding;
    this.withheld = withheldFromReplays(options.replayHeaders, options.omitHeaders);
    this.stages = defineStages({
      capture: (head, exchange) => this.capture(head, exchange),
      unsent: (head, body, exchange) => this.unsent(head, body, exchange),
    });
  }

  /** Whether a request has claimed its key here already: mounted twice, it does so once. */
  has(exchange: Exchange): boolean {
    return exchange.getState(this.watched) !== undefined;
  }

  /** The handler runs next. */
  watch(exchange: Exchange, claim: Claim): void {
    exchange.setState(this.watched, { claim, before: snapshot(exchange.head) });
    exchange.tap(this.stages);
  }

  private capture(head: ResponseHead, exchange: Exchange): BodySink | undefined {
    // What is written past the client goes another way.
    if (exchange.settled) return undefined;
    const { claim } = exchange.getState(this.watched)!;
    const outcome = this.options.outcome(head.status, exchange);
    if (outcome !== 'keep') {
      this.onEnding(claim, outcome === 'release' ? 'released' : 'lost', exchange);
      return undefined;
    }
    const { status } = head;
    const headers = this.headersOf(head, exchange);
    return collect(this.options.maxBodyBytes, (ending) => {
      this.onEnding(
        claim,
        ending === 'cut' ? 'lost' : { kept: { status, headers, body: ending } },
        exchange,
      );
    });
  }

  /** The client has gone, and the handler has come to its end all the same: the key's next request is to know. */
  private unsent(head: ResponseHead, body: Buffer | undefined, exchange: Exchange): void {
    const { claim } = exchange.getState(this.watched)!;
    const { status } = head;
    const outcome = this.options.outcome(status, exchange);
    if (outcome !== 'keep') {
      this.onEnding(claim, outcome === 'release' ? 'released' : 'lost', exchange);
      return;
    }
    const fits = body !== undefined && body.length <= this.options.maxBodyBytes;
    const kept = { status, headers: this.headersOf(head, exchange), body: fits ? body : undefined };
    this.onEnding(claim, { kept }, exchange);
  }

  private headersOf(head: ResponseHead, exchange: Exchange): FlatHeaders {
    return answerHeaders(head, exchange.getState(this.watched)!.before, this.withheld);
  }
}

/** Collects a body up to a size; hears of it whole, of its absence where it was larger, or of a cut. */
function collect(maxBytes: number, onEnd: (body: Buffer | undefined | 'cut') => void): BodySink {
  let chunks: Buffer[] | undefined = [];
  let length = 0;
  return {
    write(chunk) {
      length += chunk.length;
      if (length > maxBytes) chunks = undefined;
      else chunks?.push(Buffer.from(chunk));
    },
    end() {
      onEnd(
        chunks === undefined ? undefined : length === 0 ? EMPTY : Buffer.concat(chunks, length),
      );
    },
    abort: () => onEnd('cut'),
  };
}
