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
    log(info: LogInfo, next: () => void): void;
  }) => winston.transport;
};

/** Marks transports made here, which print lines of every level alike. */
const LINES: unique symbol = Symbol('@org/logging lines');

/** A transport for a stream of lines, such as `process.stderr` or a pipe. It never ends the stream. */
export function lineTransport(stream: Writable): winston.transport {
  const transport = new Transport({
    log(info, next) {
      if (stream.write(`${info[MESSAGE]}\n`) || stream.destroyed) {
        next();
        return;
      }
      const proceed = (): void => {
        stream.off('drain', proceed).off('close', proceed);
        next();
      };
      stream.on('drain', proceed).on('close', proceed);
    },
  });
  return Object.assign(transport, { name: 'lines', [LINES]: true });
}

/** Whether `transport` was made by `lineTransport`. */
export function isLineTransport(transport: winston.transport): boolean {
  return LINES in transport;
}
