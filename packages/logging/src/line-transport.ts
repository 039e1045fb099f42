/**
 * A winston transport for a stream of lines. Winston's own Console and Stream
 * transports ignore what the stream says about being full; this one passes it on,
 * so that a slow reader is noticed instead of filling the memory. It keeps winston's
 * interface without winston's code, which half of a start would go into.
 */
import { Writable } from 'node:stream';
import type winston from 'winston';

import { kindOf } from './winston-kind.ts';

/** Where winston keeps the finished text of a line. */
export const MESSAGE: unique symbol = Symbol.for('message') as never;
/** Where winston keeps the level that transports filter by. */
export const LEVEL: unique symbol = Symbol.for('level') as never;

/** What a transport is handed. */
export interface LogInfo {
  level: string;
  message: unknown;
  [LEVEL]: string;
  [MESSAGE]: string;
  [name: string]: unknown;
}

/** What a transport's own settings and its logger's say, in winston's terms. */
interface Filter extends Pick<winston.transport, 'format' | 'level' | 'silent'> {
  levels?: Readonly<Record<string, number>> | undefined;
  parent?: { readonly level?: string } | null;
}

/** A transport as winston expects one: a stream of objects, which filters by level and formats by itself. */
class LineTransport extends Writable {
  readonly name: string = 'lines';
  readonly stream: Writable;
  private failure: Error | undefined = undefined;
  private listening: boolean = false;

  constructor(stream: Writable) {
    super({ objectMode: true });
    this.stream = stream;
    this.once('pipe', (logger: object) => {
      const { levels } = logger as Filter;
      Object.assign(this, { parent: logger, levels } satisfies Filter);
    });
  }

  /**
   * Straight to the stream: one of Node's own that has failed once would keep to itself whatever
   * comes after, and never finish.
   */
  override write(info: LogInfo, ...rest: readonly unknown[]): boolean {
    const callback = rest.at(-1);
    let waits: boolean | undefined;
    this.take(info, (error) => {
      if (error !== undefined && this.listenerCount('error') > 0) this.emit('error', error);
      if (typeof callback === 'function') callback(error);
      if (waits === true) this.emit('drain');
      waits = false;
    });
    return !(waits ??= true);
  }

  private take(info: LogInfo, next: (error?: Error) => void): void {
    const { format, silent } = this as Filter;
    if (silent === true || !this.passes(info[LEVEL])) return next();
    if (format === undefined) return this.log(info, next);
    const formatted = format.transform({ ...info }, format.options);
    if (typeof formatted === 'object') this.log(formatted as typeof formatted & LogInfo, next);
    else next();
  }

  log(info: LogInfo, next: (error?: Error) => void): void {
    const { stream } = this;
    if (!this.listening) this.listen();
    if (stream.destroyed) this.failure ??= new Error('the stream is closed');
    if (this.failure !== undefined) return next(this.failure);
    if (stream.write(`${info[MESSAGE]}\n`)) return next();
    const proceed = (): void => {
      stream.off('drain', proceed).off('error', proceed).off('close', proceed);
      next(this.failure);
    };
    stream.on('drain', proceed).on('error', proceed).on('close', proceed);
  }

  private passes(name: string): boolean {
    const { level, levels, parent } = this as Filter;
    const least = level ?? parent?.level;
    return least === undefined || levels === undefined || levels[least]! >= levels[name]!;
  }

  private listen(): void {
    this.listening = true;
    const onError = (error: Error): void => {
      this.failure ??= error;
    };
    this.stream.on('error', onError);
    // Where it failed the listener stays: another write may still be under way.
    this.once('finish', () => this.stream.off('error', onError));
  }
}

/**
 * A transport for a stream of lines, such as `process.stderr` or a pipe. It never ends
 * the stream. A stream that fails fails the transport, and does not end the process.
 */
export function lineTransport(stream: Writable): winston.transport {
  return new LineTransport(stream);
}

/** Whether `transport` was made by `lineTransport`, and so prints lines of every level alike. */
export function isLineTransport(transport: winston.transport): boolean {
  return transport instanceof LineTransport;
}

/** Whether people read at the other end. */
export function isTerminal(transport: winston.transport): boolean {
  if (transport instanceof LineTransport) {
    return (transport.stream as { readonly isTTY?: boolean }).isTTY === true;
  }
  return kindOf(transport) === 'Console' && process.stdout.isTTY;
}
