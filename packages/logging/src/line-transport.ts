/**
 * A winston transport for a stream of lines. Winston's own Console and Stream
 * transports ignore what the stream says about being full; this one passes it on,
 * so that a slow reader is noticed instead of filling the memory.
 */
import type { Writable } from 'node:stream';
import winston from 'winston';

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

/** Winston's types call its base class `transport`, its code `Transport`. */
const { Transport } = winston as unknown as {
  readonly Transport: new (options: {
    log(info: LogInfo, next: (error?: Error) => void): void;
  }) => winston.transport;
};

/** The stream that a transport made here writes to. */
const LINES: unique symbol = Symbol('@org/logging lines');

/**
 * A transport for a stream of lines, such as `process.stderr` or a pipe. It never ends
 * the stream. A stream that fails fails the transport, and does not end the process.
 */
export function lineTransport(stream: Writable): winston.transport {
  let failure: Error | undefined;
  let listening = false;
  const onError = (error: Error): void => {
    failure ??= error;
  };
  const transport = new Transport({
    log(info, next) {
      if (!listening) {
        listening = true;
        stream.on('error', onError);
        // Where it failed the listener stays: another write may still be under way.
        transport.once('finish', () => stream.off('error', onError));
      }
      if (stream.destroyed) failure ??= new Error('the stream is closed');
      if (failure !== undefined) {
        next(failure);
        return;
      }
      if (stream.write(`${info[MESSAGE]}\n`)) {
        next();
        return;
      }
      const proceed = (): void => {
        stream.off('drain', proceed).off('error', proceed).off('close', proceed);
        next(failure);
      };
      stream.on('drain', proceed).on('error', proceed).on('close', proceed);
    },
  });
  return Object.assign(transport, { name: 'lines', [LINES]: stream });
}

/** Whether `transport` was made by `lineTransport`, and so prints lines of every level alike. */
export function isLineTransport(transport: winston.transport): boolean {
  return LINES in transport;
}

/** Whether people read at the other end. */
export function isTerminal(transport: winston.transport): boolean {
  const { [LINES]: stream } = transport as { [LINES]?: { isTTY?: boolean } };
  if (stream !== undefined) return stream.isTTY === true;
  return transport instanceof winston.transports.Console && process.stdout.isTTY;
}
