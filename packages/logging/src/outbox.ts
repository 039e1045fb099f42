/**
 * The way of lines to one transport: a bounded queue, handed over in batches. What
 * does not fit is dropped and counted, never waited for: a slow sink costs lines,
 * not requests. And it is noticed: `stalledForMs` says how long the transport has
 * not taken what it was given.
 */
import type { Clock } from '@org/core';
import type winston from 'winston';

import { LEVELS } from './levels.ts';
import { isLineTransport, LEVEL, type LogInfo, MESSAGE } from './line-transport.ts';
import { prettyLine } from './pretty.ts';
import { kindOf } from './winston-kind.ts';

/** Lines joined for one write. */
const BATCH_LINES = 500;
/**
 * Writes that a transport has been given and has not acknowledged. One, because winston
 * acknowledges what its streams had to queue before it is written, and loses it at the end.
 */
const MAX_IN_FLIGHT = 1;

/**
 * What a line takes in memory at most: two bytes a character. The bytes on the wire
 * are dearer to count, since the line would have to be put together for it.
 */
export function lineBytes(line: string): number {
  return 2 * line.length;
}

/**
 * Puts the pieces that a text was joined from into one, while they are young. V8 would keep all of
 * them until the text is written, and by then they are dear to collect: a request through the
 * whole family costs 7 % less.
 */
function flatten(text: string): void {
  text.charCodeAt(0);
}

/** How lines are written for people; not at all where they are JSON. */
export type Prettiness = 'plain' | 'colors' | undefined;

/** What one transport may hold, and in which form it gets its lines. */
export interface OutboxOptions {
  readonly clock: Clock;
  readonly maxBufferBytes: number;
  readonly prettyFor: (transport: winston.transport) => Prettiness;
  /** There is room again after lines were dropped. */
  readonly onRecovery: (box: Outbox) => void;
  /** Lines are being dropped (no error), or the transport failed. */
  readonly onTrouble: (name: string, error: unknown) => void;
}

/** Lines on their way to one transport. */
export class Outbox {
  readonly name: string;
  writtenTotal: number = 0;
  droppedTotal: number = 0;
  failedTotal: number = 0;
  bufferedBytes: number = 0;
  /** Dropped since the sink last took everything; it is told of them in a line. */
  droppedSince: number = 0;
  /** The transport failed to take what it was given last. */
  failing: boolean = false;
  private readonly transport: winston.transport;
  private readonly options: OutboxOptions;
  private readonly pretty: Prettiness;
  /** The transport only prints the text, so that many lines can go as one. */
  private readonly joins: boolean;
  /** It prints every level alike, so that lines of different levels can. */
  private readonly mixes: boolean;
  private lines: string[] = [];
  /** Bytes of `lines`; `bufferedBytes` counts those in flight too. */
  private queuedBytes: number = 0;
  private levels: number[] = [];
  private inFlight: number = 0;
  private inFlightLines: number = 0;
  private waitingSinceMs: number = 0;
  private idle: (() => void)[] = [];
  private ended: boolean = false;

  constructor(name: string, transport: winston.transport, options: OutboxOptions) {
    this.name = name;
    this.transport = transport;
    this.options = options;
    this.pretty = options.prettyFor(transport);
    this.joins = transport.format === undefined && printsTextOnly(transport);
    this.mixes = isLineTransport(transport) && transport.level === undefined;
  }

  get bufferedLines(): number {
    return this.lines.length + this.inFlightLines;
  }

  /** How long the transport has been owing an answer, in ms; 0 when it owes none. */
  get stalledForMs(): number {
    return this.inFlight === 0 ? 0 : this.options.clock.monotonicMs() - this.waitingSinceMs;
  }

  /** Takes a line, or drops it when there is no room. True asks for a flush now. */
  push(line: string, level: number): boolean {
    if (this.ended) {
      this.droppedTotal++;
      return false;
    }
    flatten(line);
    const size = lineBytes(line);
    if (this.bufferedBytes + size > this.options.maxBufferBytes) {
      this.droppedTotal++;
      if (this.droppedSince++ === 0) this.options.onTrouble(this.name, undefined);
      return false;
    }
    this.bufferedBytes += size;
    this.queuedBytes += size;
    this.lines.push(line);
    this.levels.push(level);
    return this.lines.length >= BATCH_LINES;
  }

  /** Hands over what the transport will take; without a limit when the process ends. */
  flush(maxInFlight: number = MAX_IN_FLIGHT): void {
    while (this.lines.length > 0 && this.inFlight < maxInFlight) {
      const count = this.joins ? this.runLength() : 1;
      const level = this.levels[0]!;
      if (count === this.lines.length) {
        const [batch, bytes] = [this.lines, this.queuedBytes];
        this.lines = [];
        this.levels = [];
        this.queuedBytes = 0;
        this.hand(batch, bytes, level);
      } else {
        const batch = this.lines.splice(0, count);
        this.levels.splice(0, count);
        const bytes = batch.reduce((sum, line) => sum + lineBytes(line), 0);
        this.queuedBytes -= bytes;
        this.hand(batch, bytes, level);
      }
    }
  }

  /** Resolves once the transport has taken everything. */
  whenIdle(): Promise<void> {
    if (this.inFlight === 0 && this.lines.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  /** Flushes what is left and ends the transport; resolves when it has finished. */
  async end(): Promise<void> {
    await this.whenIdle();
    this.ended = true;
    if (this.transport.writableEnded) return;
    await new Promise<void>((resolve) => {
      this.transport
        .once('finish', resolve)
        .once('error', () => resolve())
        .end();
    });
  }

  /** Gives up on what was not taken, and counts it. */
  abandon(): void {
    this.ended = true;
    this.droppedTotal += this.bufferedLines;
    this.lines = [];
    this.levels = [];
    this.inFlight = this.inFlightLines = this.bufferedBytes = this.queuedBytes = 0;
    for (const resolve of this.idle.splice(0)) resolve();
  }

  /** How many of the first lines may be joined: all of one level, or any where levels do not matter. */
  private runLength(): number {
    const longest = Math.min(this.lines.length, BATCH_LINES);
    if (this.mixes) return longest;
    let count = 1;
    while (count < longest && this.levels[count] === this.levels[0]) count++;
    return count;
  }

  private hand(batch: readonly string[], bytes: number, level: number): void {
    if (this.inFlight++ === 0) this.waitingSinceMs = this.options.clock.monotonicMs();
    this.inFlightLines += batch.length;
    let settled = false;
    const settle = (error: unknown): void => {
      // Winston calls back twice for what its streams had queued.
      if (settled || this.inFlight === 0) return;
      settled = true;
      this.inFlight--;
      this.inFlightLines -= batch.length;
      this.bufferedBytes -= bytes;
      this.waitingSinceMs = this.options.clock.monotonicMs();
      this.failing = error !== undefined && error !== null;
      if (!this.failing) this.writtenTotal += batch.length;
      else {
        this.failedTotal += batch.length;
        this.options.onTrouble(this.name, error);
      }
      this.flush();
      if (this.inFlight === 0 && this.droppedSince > 0) this.options.onRecovery(this);
      if (this.inFlight === 0 && this.lines.length === 0) {
        for (const resolve of this.idle.splice(0)) resolve();
      }
    };
    try {
      this.transport.write(this.infoOf(batch, level), settle);
    } catch (error) {
      settle(error);
    }
  }

  /** A transport that prints gets the text; any other gets the line's members too, redacted already. */
  private infoOf(batch: readonly string[], level: number): LogInfo {
    const name = LEVELS[level]!;
    const { pretty } = this;
    const shown =
      pretty === undefined ? batch : batch.map((line) => prettyLine(line, pretty === 'colors'));
    const text = shown.length === 1 ? shown[0]! : shown.join('\n');
    if (this.joins) return { level: name, message: text, [LEVEL]: name, [MESSAGE]: text };
    const { message, exception, ...members } = JSON.parse(batch[0]!) as Record<string, unknown>;
    return {
      ...members,
      // Two names are winston's own; by the second it would leave the line out.
      ...(message === undefined ? {} : { _message: message }),
      ...(exception === undefined ? {} : { _exception: exception }),
      level: name,
      message: members['msg'],
      [LEVEL]: name,
      [MESSAGE]: text,
    };
  }
}

/** Transports that are known to print the text and nothing else. */
function printsTextOnly(transport: winston.transport): boolean {
  return isLineTransport(transport) || kindOf(transport) !== undefined;
}
