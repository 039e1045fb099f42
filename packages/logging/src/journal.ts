/**
 * The middle of the package: takes finished lines from loggers and requests, keeps
 * them for a moment, and sends them to every transport in batches. It owns the
 * transports' life, and sees to it that what is buffered is written when the
 * process ends.
 */
import type { Cancel, Clock } from '@org/core';
import type winston from 'winston';

import { quote } from './escape.ts';
import { LEVELS, WARN, WINSTON_LEVELS } from './levels.ts';
import { Outbox, type OutboxOptions } from './outbox.ts';
import type { Renderer } from './render.ts';
import { TimeText } from './time-text.ts';

/** How a journal keeps and sends its lines. */
export interface JournalOptions extends Omit<OutboxOptions, 'onTrouble' | 'onRecovery'> {
  readonly transports: readonly winston.transport[];
  readonly renderer: Renderer;
  readonly flushIntervalMs: number;
  /** How long `close` waits for a transport that takes nothing, in ms. */
  readonly stallMs: number;
}

/** Lines of one logging instance, from finished text to transport. */
export class Journal {
  readonly clock: Clock;
  readonly renderer: Renderer;
  readonly boxes: readonly Outbox[];
  private readonly transports: readonly winston.transport[];
  /**
   * What winston's logger is to its transports: whence they have their levels, and who lets them
   * go. Lines would not pass through it, so it is nothing more.
   */
  private readonly parent: object = { levels: WINSTON_LEVELS, level: LEVELS.at(-1)! };
  private readonly flushIntervalMs: number;
  private readonly stallMs: number;
  private readonly times: TimeText = new TimeText();
  private readonly troubled: Set<string> = new Set();
  private cancelFlush: Cancel | undefined;
  private hooked: boolean = false;
  private closing: Promise<void> | undefined;

  constructor({ transports, renderer, flushIntervalMs, stallMs, ...forEach }: JournalOptions) {
    this.clock = forEach.clock;
    this.renderer = renderer;
    this.flushIntervalMs = flushIntervalMs;
    this.stallMs = stallMs;
    const watched = {
      ...forEach,
      onTrouble: (name: string, error: unknown): void => this.warnOnce(name, error),
      onRecovery: (box: Outbox): void => this.tellOfDrops(box),
    };
    this.boxes = transports.map(
      (transport, at) => new Outbox(nameOf(transport, at), transport, watched),
    );
    this.transports = transports;
    for (const [at, transport] of transports.entries()) {
      transport.emit('pipe', this.parent);
      transport.on('error', (error) => this.warnOnce(this.boxes[at]!.name, error));
    }
  }

  /** The opening of every line: time and level. */
  opening(level: number): string {
    return `{"time":"${this.times.of(this.clock.now())}","level":"${LEVELS[level]!}"`;
  }

  /** Sends a finished line on its way. */
  write(line: string, level: number): void {
    const { boxes } = this;
    let full = false;
    for (let at = 0; at < boxes.length; at++) {
      if (boxes[at]!.push(line, level)) full = true;
    }
    if (full) this.hand();
    else if (this.cancelFlush === undefined) this.schedule();
  }

  /** Hands over what is buffered, and resolves once every transport has taken it. */
  async flush(): Promise<void> {
    this.hand();
    await Promise.all(this.boxes.map((box) => box.whenIdle()));
  }

  /** Flushes and ends the transports; gives up when `signal` aborts. */
  close(signal?: AbortSignal): Promise<void> {
    return (this.closing ??= this.end(signal));
  }

  private async end(signal: AbortSignal | undefined): Promise<void> {
    this.hand();
    await this.orStalled(Promise.all(this.boxes.map((box) => box.end())), signal);
    this.cancelFlush?.();
    this.cancelFlush = undefined;
    for (const box of this.boxes) box.abandon();
    process.off('beforeExit', this.onBeforeExit).off('exit', this.onExit);
    for (const transport of this.transports) transport.emit('unpipe', this.parent);
  }

  /** A transport that takes nothing must not keep a process from ending. */
  private async orStalled(ended: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
    let giveUp = (): void => undefined;
    const givenUp = new Promise<void>((resolve) => (giveUp = resolve));
    const cancel = this.clock.after(this.stallMs, giveUp);
    signal?.addEventListener('abort', giveUp, { once: true });
    if (signal?.aborted) giveUp();
    await Promise.race([ended, givenUp]);
    cancel();
    signal?.removeEventListener('abort', giveUp);
  }

  private schedule(): void {
    if (this.closing !== undefined) return;
    if (!this.hooked) {
      this.hooked = true;
      process.on('beforeExit', this.onBeforeExit).on('exit', this.onExit);
    }
    this.cancelFlush = this.clock.after(this.flushIntervalMs, this.onTimer);
  }

  private readonly onTimer = (): void => {
    this.cancelFlush = undefined;
    this.hand();
  };

  private hand(): void {
    for (const box of this.boxes) box.flush();
  }

  /** The log itself says where it has holes. */
  private tellOfDrops(box: Outbox): void {
    const dropped = box.droppedSince;
    box.droppedSince = 0;
    this.troubled.delete(box.name);
    const told = `,"logger":"logging","msg":"lines were dropped","dropped":${dropped},"sink":${quote(box.name)}}`;
    box.push(this.opening(WARN) + told, WARN);
    box.flush();
  }

  private readonly onBeforeExit = (): void => this.hand();

  /** Nothing asynchronous happens any more: what the stream writes at once is saved. */
  private readonly onExit = (): void => {
    for (const box of this.boxes) box.flush(Number.POSITIVE_INFINITY);
  };

  /** A logger that cannot write has nobody to tell but the process; once, not per line. */
  warnOnce(name: string, error: unknown): void {
    if (this.troubled.has(name)) return;
    this.troubled.add(name);
    const what =
      error === undefined
        ? `${name} is too slow: its buffer is full and lines are dropped`
        : `${name} failed: ${error instanceof Error ? error.message : 'it gave no reason'}`;
    process.emitWarning(`logging: ${what}`, { type: 'LoggingWarning' });
  }
}

function nameOf(transport: winston.transport, at: number): string {
  const { name } = transport as { name?: unknown };
  const kind = typeof name === 'string' && name !== '' ? name : transport.constructor.name;
  return `${kind}#${at}`;
}
