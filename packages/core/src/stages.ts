/**
 * What a middleware may do to a response, in the fixed order in which it happens:
 *
 *   transform → hold → replace → capture → conditional → encode → head → done
 *
 * Mount order does not change this order. Within one stage the response travels
 * back up the chain: what was reached last acts first.
 */
import type { Duplex } from 'node:stream';

import type { Exchange } from './exchange.ts';
import type { ResponseHead } from './response-head.ts';

/** Receives the identity bytes of a body, before any content coding. */
export interface BodySink {
  /** A part of the body, in order. Must not be changed or kept past the call unless copied. */
  write(chunk: Buffer): void;
  /** The body is whole. */
  end(): void;
  /** The response was cut off; `end` will not come. */
  abort(): void;
  /** A body that came whole is sent in this coding. The bytes may be kept, but not changed. */
  coded?(coding: string, body: Uint8Array): void;
}

/** A whole body in a content coding (RFC 9110 §8.4). */
export interface EncodedBody {
  /** The coding's registered name, such as `gzip`. */
  readonly coding: string;
  /** A promise may also bring nothing: the identity is sent after all. */
  readonly body: Uint8Array | Promise<Uint8Array | undefined>;
}

/** A content coding for a body that arrives in parts. */
export interface StreamEncoder {
  readonly coding: string;
  /** Takes identity bytes, gives coded ones. The tap owns it from now on. */
  readonly stream: Duplex;
  /** Gives out what has been taken so far: what `res.flush()` does while this codes the body. */
  flush?(): void;
}

/**
 * What a value is to its answer: the `whole` of it, as given to `res.json`; a `line` of a
 * sequence, as given to `sendLines`; or the `problem` document of an error.
 */
export type ValueKind = 'whole' | 'line' | 'problem';

/** Answers in place of the handler, on a response of which nothing has been sent. */
export type AnswerInstead = () => void;

/** The stages that a middleware takes part in; all optional. */
export interface StageHandlers {
  /**
   * Answers what is sent in place of a value, before it becomes text, and leaves the value itself
   * as it is: a cache may hold it. A throw reaches the caller of `res.json`; that of a problem is
   * reported, and the problem sent as it is.
   */
  transform?(value: unknown, exchange: Exchange, kind: ValueKind): unknown;
  /**
   * Holds the answer back, head and all, until the promise settles: what has to be true before it
   * is told, such as a commit. Asked once, when the first of it would leave; nothing to hold it
   * for, nothing is waited for. A promise that brings a function has it answer instead, at once,
   * and what the handler sends goes nowhere; one that rejects has the answer be a 500.
   */
  hold?(exchange: Exchange): Promise<AnswerInstead | undefined> | undefined;
  /**
   * Answers something else in place of what the handler sends: may change status and headers,
   * and returns the whole body, empty for none. It is sent at once, and what the handler still
   * writes goes nowhere: a source it pipes is let go as when a client goes away.
   */
  replace?(head: ResponseHead, exchange: Exchange): Buffer | undefined;
  /** Looks at the head and may return a sink for the identity body. Changes nothing. */
  capture?(head: ResponseHead, exchange: Exchange): BodySink | undefined;
  /**
   * Evaluates preconditions, may set a validator or change the status. `body` is
   * absent when it is not known as a whole. Returns true to answer without the body.
   */
  conditional?(head: ResponseHead, body: Buffer | undefined, exchange: Exchange): boolean | void;
  /** Codes a whole body; the first stage that returns one wins. Vary is the stage's to set. */
  encode?(head: ResponseHead, body: Buffer, exchange: Exchange): EncodedBody | undefined;
  /** Codes a body that arrives in parts, and decides the head of a HEAD response. */
  encoder?(head: ResponseHead, exchange: Exchange): StreamEncoder | undefined;
  /** The last word on status and headers. */
  head?(head: ResponseHead, exchange: Exchange): void;
  /** Exactly once, when the response is finished or cut off: `exchange.aborted` tells which. */
  done?(exchange: Exchange): void;
  /**
   * What the handler answers although the response has been cut off: nothing of it is sent. `body`
   * is absent where parts of it are lost. At most once, and after `done`.
   */
  unsent?(head: ResponseHead, body: Buffer | undefined, exchange: Exchange): void;
}

/** Bits that say which stages are in use, so that a response nobody touches costs a comparison. */
export const TRANSFORM = 1;
export const CAPTURE = 2;
export const CONDITIONAL = 4;
export const ENCODE = 8;
export const HEAD = 16;
export const DONE = 32;
export const REPLACE = 64;
export const UNSENT = 128;
export const HOLD = 256;
/** Stages that must see the body's bytes. */
export const BODY_STAGES: number = REPLACE | CAPTURE | CONDITIONAL | ENCODE | UNSENT;
/** Stages that must see the head before it is sent. */
export const HEAD_STAGES: number = BODY_STAGES | HEAD;

/** Stage handlers in one fixed shape, made once per middleware with `defineStages`. */
export interface Stages extends Required<{
  [K in keyof StageHandlers]: StageHandlers[K] | undefined;
}> {
  readonly bits: number;
}

/** Brings stage handlers into the fixed shape that `exchange.tap` takes. Call it at construction. */
export function defineStages(handlers: StageHandlers): Stages {
  return {
    bits:
      (handlers.transform ? TRANSFORM : 0) |
      (handlers.replace ? REPLACE : 0) |
      (handlers.capture ? CAPTURE : 0) |
      (handlers.conditional ? CONDITIONAL : 0) |
      (handlers.encode || handlers.encoder ? ENCODE : 0) |
      (handlers.head ? HEAD : 0) |
      (handlers.done ? DONE : 0) |
      (handlers.unsent ? UNSENT : 0) |
      (handlers.hold ? HOLD : 0),
    transform: handlers.transform,
    hold: handlers.hold,
    replace: handlers.replace,
    capture: handlers.capture,
    conditional: handlers.conditional,
    encode: handlers.encode,
    encoder: handlers.encoder,
    head: handlers.head,
    done: handlers.done,
    unsent: handlers.unsent,
  };
}
