/**
 * The stage `hold`: an answer that may not be told before something is true, such as a commit. The
 * handler goes on as if it had been sent; what it does to the response is kept, in order, and done
 * once the answer is let go. Of writers that wait for room at most a part each is kept.
 */
import { EventEmitter } from 'node:events';

import { abandon } from './abandon.ts';
import type { Exchange } from './exchange.ts';
import { answerProblem } from './problem-answer.ts';
import { ProblemError } from './problem-error.ts';
import { callHook, report } from './report.ts';
import { refuseHead } from './response-end.ts';
import { type AnswerInstead, HOLD } from './stages.ts';
import { type Tapped, TAPPED } from './tapped.ts';

/** What the handler has done to an answer that is held back. */
export interface Holding {
  readonly calls: (() => void)[];
  readonly statusCode: number;
  readonly statusMessage: string;
}

/** What changes a head. To its handler this one is sent, and Node throws. */
const HEAD_METHODS = ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader'] as const;

/**
 * Whether the answer is held back; then `call`, which the handler has made, is made again once it
 * is let go. `ends`: it is the last one. Without anybody to wait for, the answer is let go at once.
 */
export function holds(res: Tapped, exchange: Exchange, call: () => void, ends: boolean): boolean {
  const state = exchange.tapState!;
  if (state.holding !== undefined) {
    state.holding.calls.push(call);
    state.held ||= ends;
    return true;
  }
  const waiting = res.headersSent ? undefined : ask(exchange);
  if (waiting === undefined) {
    letGo(exchange);
    return false;
  }
  const { statusCode, statusMessage } = res;
  const holding: Holding = { calls: [call], statusCode, statusMessage };
  state.holding = holding;
  state.held = ends;
  for (const name of HEAD_METHODS) {
    // What somebody has patched stays his.
    if (Object.hasOwn(res, name)) continue;
    Object.defineProperty(res, name, { value: refuseHead, configurable: true });
  }
  void waiting.then(
    (instead) => {
      // Somebody may have answered meanwhile.
      if (state.holding !== holding) return;
      if (instead === undefined) goOn(res, exchange);
      else answer(res, exchange, instead);
    },
    (error: unknown) => {
      report(error, 'hold', exchange);
      if (state.holding !== holding) return;
      answer(res, exchange, () => answerProblem(res, failed(error)));
    },
  );
  return true;
}

/**
 * Answers in place of an answer that is held back, of which nothing has left although `headersSent`
 * says so to its handler: for whoever cannot wait any longer, such as a deadline. False where none is.
 */
export function answerHeld(exchange: Exchange, instead: AnswerInstead): boolean {
  if (exchange.tapState?.holding === undefined) return false;
  answer(exchange.res, exchange, instead);
  return true;
}

/** Asks every stage, the innermost first: one that answers instead is the last. */
function ask(exchange: Exchange): Promise<AnswerInstead | undefined> | undefined {
  try {
    return askFrom(exchange, exchange.tapState!.stages.length - 1);
  } catch (error) {
    return Promise.reject(error);
  }
}

function askFrom(exchange: Exchange, last: number): Promise<AnswerInstead | undefined> | undefined {
  const { stages } = exchange.tapState!;
  for (let at = last; at >= 0; at--) {
    const waiting = stages[at]!.hold?.(exchange);
    if (waiting !== undefined) {
      return waiting.then((instead) => instead ?? askFrom(exchange, at - 1));
    }
  }
  return undefined;
}

/** From here on calls go through; answers the calls that were kept. */
function letGo(exchange: Exchange): readonly (() => void)[] {
  const state = exchange.tapState!;
  const { holding } = state;
  state.holding = undefined;
  state.held = false;
  exchange.stageBits &= ~HOLD;
  if (holding === undefined) return [];
  const { res } = exchange;
  for (const name of HEAD_METHODS) {
    if (res[name] === refuseHead) Reflect.deleteProperty(res, name);
  }
  // Set after the answer it would have changed nothing.
  res.statusCode = holding.statusCode;
  res.statusMessage = holding.statusMessage;
  return holding.calls;
}

function goOn(res: Tapped, exchange: Exchange): void {
  try {
    for (const call of letGo(exchange)) call();
  } catch (error) {
    // Whom it should have been thrown at has gone on long ago.
    report(error, 'hold', exchange);
    if (!res.headersSent) return answer(res, exchange, () => answerProblem(res, failed(error)));
    res.destroy();
  }
  if (!res.writableNeedDrain) drained(res);
}

function answer(res: Tapped, exchange: Exchange, instead: AnswerInstead): void {
  letGo(exchange);
  unpatch(res);
  if (!res.destroyed) {
    callHook(instead, 'hold', exchange);
    if (!res.headersSent && !exchange.abandoned) answerProblem(res, failed());
  }
  abandon(exchange);
  drained(res);
}

/**
 * Whoever has patched the response above the tap has seen the handler's end, and takes no other.
 * Where the tap itself is on the response, a patch below it is older, and stays.
 */
function unpatch(res: Tapped): void {
  if (Object.hasOwn(res, TAPPED)) return;
  for (const name of ['write', 'end'] as const) Reflect.deleteProperty(res, name);
}

/** Whoever wrote meanwhile waits for it. The emitter's own: an encoder keeps the response's for itself. */
function drained(res: Tapped): void {
  EventEmitter.prototype.emit.call(res, 'drain');
}

function failed(cause?: unknown): ProblemError {
  return new ProblemError({
    code: 'ERR_INTERNAL',
    detail: 'What the answer depends on could not be brought to its end.',
    cause,
  });
}
