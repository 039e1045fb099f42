/** The way of an answer through compression: whether, in which coding, where, and what is told of it. */
import { Duplex } from 'node:stream';
import {
  Credentials,
  type EncodedBody,
  type Exchange,
  type ResponseHead,
  type StreamEncoder,
} from '@org/core';

import { type Choice, Choices } from './accept-encoding.ts';
import { Benefit } from './benefit.ts';
import { type Coder, codersOf, type Job } from './coders.ts';
import { isDense } from './dense.ts';
import { LoopLoad } from './loop-load.ts';
import { fixedForm, Negotiable } from './negotiable.ts';
import type { Coding, CompressionOptions } from './options.ts';
import { isReflected, mayHoldSecret, piecesOf } from './reflected.ts';
import type { Statistics } from './statistics.ts';

/** An answer that is to be coded. */
interface Order {
  readonly coder: Coder;
  readonly must: boolean;
}

export class Encoding {
  private readonly options: Readonly<CompressionOptions>;
  private readonly statistics: Statistics;
  private readonly negotiable: Negotiable;
  private readonly choices: Choices;
  private readonly coders: ReadonlyMap<Coding, Coder>;
  private readonly load: LoopLoad;
  private readonly benefit: Benefit | undefined;
  private readonly credentials: Credentials;
  /** Bodies in the thread pool. */
  running: number = 0;
  /** Streams that are being coded. */
  streams: number = 0;

  constructor(options: Readonly<CompressionOptions>, statistics: Statistics) {
    const coders = codersOf(options);
    this.options = options;
    this.statistics = statistics;
    this.negotiable = new Negotiable(options.filter);
    this.choices = new Choices(
      coders.map(({ coding }) => coding),
      options.enforceEncoding,
    );
    this.coders = new Map(coders.map((coder) => [coder.coding, coder]));
    this.load = new LoopLoad(options.clock, options.busyRatio, options.load);
    this.benefit = options.learn ? new Benefit() : undefined;
    this.credentials = new Credentials(options);
  }

  /** Codes a body that is known as a whole. */
  whole(head: ResponseHead, body: Buffer, exchange: Exchange): EncodedBody | undefined {
    const order = this.order(head, body.length, exchange);
    if (order === undefined || body.length === 0) return undefined;
    const { coder, must } = order;
    const skip =
      (must ? undefined : this.worthless(body, exchange)) ?? this.leak(head, body, exchange);
    if (skip !== undefined) return this.statistics.skipped(skip, exchange);
    const { coding } = coder;
    const job = this.job(head, exchange);
    const { maxConcurrent, syncMaxBytes } = this.options;
    if (body.length <= syncMaxBytes) {
      const coded = this.judge(order, body, coder.now(body, job), exchange);
      return coded === undefined ? undefined : { coding, body: coded };
    }
    if (this.running >= maxConcurrent) return this.statistics.skipped('busy', exchange);
    this.running++;
    const work = coder.later(body, job).finally(() => this.running--);
    return { coding, body: work.then((coded) => this.judge(order, body, coded, exchange)) };
  }

  /** Codes a body that comes in parts, or tells HEAD how GET would be coded. */
  stream(head: ResponseHead, exchange: Exchange): StreamEncoder | undefined {
    const length = head.get('content-length');
    const sizeBytes = length === undefined ? undefined : Number(length);
    const order = this.order(head, sizeBytes, exchange);
    if (order === undefined || sizeBytes === 0) return undefined;
    const { coder, must } = order;
    const { coding } = coder;
    const { route } = exchange;
    const skip =
      this.leak(head, undefined, exchange) ??
      (!must && this.benefit?.pays(route) === false ? 'no-benefit' : undefined);
    if (skip !== undefined) return this.statistics.skipped(skip, exchange);
    if (exchange.req.method === 'HEAD') return { coding, stream: new Duplex() };
    if (this.streams >= this.options.maxStreams) return this.statistics.skipped('busy', exchange);
    const live = isEventStream(head);
    const encoder = coder.stream(sizeBytes, live, this.job(head, exchange));
    this.streams++;
    encoder.zlib.once('close', () => {
      this.streams--;
      const { bytesWritten: inBytes } = encoder.zlib;
      const outBytes = exchange.bytes;
      if (inBytes === 0) return;
      this.statistics.coded(coding, inBytes, outBytes, exchange);
      if (!live && !exchange.aborted) this.benefit?.learn(route, outBytes / inBytes);
    });
    return { coding, stream: encoder.stream, flush: encoder.flush };
  }

  /** The last word: what varies says so, also where there was no body to code. */
  finish(head: ResponseHead, exchange: Exchange): void {
    if (head.status === 304) {
      // A 304 often has no type left, and tells of Vary all the same (RFC 9110 §15.4.5).
      const refused = head.has('content-type') && this.negotiable.refusal(head, exchange);
      if (refused === false || refused === undefined) varies(head);
      keepWeakTag(head, exchange);
    } else if (head.has('content-encoding') && head.get('vary') !== FIELD) {
      if (this.negotiable.refusal(head, exchange) === undefined) varies(head);
    }
  }

  /** The coder for an answer of this size, as far as head and client decide. */
  private order(
    head: ResponseHead,
    sizeBytes: number | undefined,
    exchange: Exchange,
  ): Order | undefined {
    const refusal = this.negotiable.refusal(head, exchange);
    if (refusal !== undefined) return this.statistics.skipped(refusal, exchange);
    varies(head);
    const fixed = fixedForm(head);
    if (fixed !== undefined) return this.statistics.skipped(fixed, exchange);
    const { coding, must }: Choice = this.choices.of(exchange.req.headers['accept-encoding']);
    if (coding === undefined) return this.statistics.skipped('not-accepted', exchange);
    if (!must && sizeBytes !== undefined && sizeBytes < this.options.thresholdBytes) {
      return this.statistics.skipped('small', exchange);
    }
    return { coder: this.coders.get(coding)!, must };
  }

  private worthless(body: Buffer, { route }: Exchange): 'dense' | 'no-benefit' | undefined {
    if (isDense(body)) return 'dense';
    return this.benefit?.pays(route) === false ? 'no-benefit' : undefined;
  }

  /** Whether the length of a coded body could give a secret away, and that is to be prevented. */
  private leak(
    head: ResponseHead,
    body: Buffer | undefined,
    exchange: Exchange,
  ): 'reflected' | undefined {
    if (this.options.breach !== 'skip-reflected') return undefined;
    if (!mayHoldSecret(exchange, head, this.credentials)) return undefined;
    const pieces = piecesOf(exchange.req);
    // Of a body that is not known yet it cannot be told.
    const reflected =
      body === undefined ? pieces === 'many' || pieces.size > 0 : isReflected(pieces, body);
    return reflected ? 'reflected' : undefined;
  }

  private job(head: ResponseHead, exchange: Exchange): Job {
    const { breach, random, padMaxBytes } = this.options;
    const padded = breach === 'pad' && mayHoldSecret(exchange, head, this.credentials);
    const light = this.load.busy;
    if (padded) return { light, padBytes: 1 + Math.floor(random() * padMaxBytes) };
    return light ? LIGHT : FULL;
  }

  /** A coded body if it is smaller, and what is to be remembered of it. */
  private judge(
    { coder, must }: Order,
    body: Buffer,
    coded: Buffer,
    exchange: Exchange,
  ): Buffer | undefined {
    this.benefit?.learn(exchange.route, coded.length / body.length);
    if (coded.length >= body.length && !must && this.options.onlyIfSmaller) {
      return this.statistics.skipped('larger', exchange);
    }
    this.statistics.coded(coder.coding, body.length, coded.length, exchange);
    return coded;
  }
}

const FIELD = 'Accept-Encoding';
const FULL: Job = Object.freeze({ light: false, padBytes: 0 });
const LIGHT: Job = Object.freeze({ light: true, padBytes: 0 });

/** RFC 9110 §12.5.5: what was chosen by a field varies by it, whatever was chosen. */
function varies(head: ResponseHead): void {
  if (head.get('vary') === undefined) head.set('Vary', FIELD);
  else head.addToList('Vary', FIELD);
}

/**
 * The coded 200 went out with a weak tag in the place of a strong one. A 304 to who holds
 * it names that tag: by the strong one a cache would not find what it stored (RFC 9111 §4.3.4).
 */
function keepWeakTag(head: ResponseHead, { req }: Exchange): void {
  const etag = head.get('etag');
  const held = req.headers['if-none-match'];
  if (typeof etag !== 'string' || !etag.startsWith('"') || held === undefined) return;
  if (held.includes(`W/${etag}`)) head.set('ETag', `W/${etag}`);
}

function isEventStream(head: ResponseHead): boolean {
  return /^text\/event-stream\b/i.test(String(head.get('content-type') ?? ''));
}
