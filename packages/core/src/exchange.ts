/**
 * The exchange: one record per request, shared by every component that sees it.
 * It is what siblings meet through: a rate limiter does not know a logger, both
 * know the exchange. Nothing in it is measured twice.
 */
import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Request, Response } from 'express';

import { type Clock, systemClock } from './clock.ts';
import { ProblemError } from './problem-error.ts';
import { report } from './report.ts';
import { ResponseHead, hasNoBody } from './response-head.ts';
import { tapResponse } from './response-tap.ts';
import { routePattern } from './route-pattern.ts';
import { type Stages, TRANSFORM } from './stages.ts';
import { TapState } from './tap-state.ts';
import { EXCHANGE } from './tapped.ts';
import type { Timeline } from './timeline.ts';
import type { TraceContext } from './trace-context.ts';
import { watchClose } from './watch-close.ts';

/** One request and its response, from first sight to last byte. */
export class Exchange {
  readonly req: Request;
  readonly res: Response;
  readonly clock: Clock;
  /** When the exchange began, in monotonic ms of `clock`. */
  readonly startMs: number;
  /** When the response was finished or cut off, in monotonic ms; NaN until then. */
  endMs: number = Number.NaN;
  /** When the handler must be done, in monotonic ms; Infinity without a deadline. */
  deadlineMs: number = Number.POSITIVE_INFINITY;
  /** The trace that this request belongs to; set by correlation. */
  trace: TraceContext | undefined = undefined;
  /** The API version that was chosen; set by versioning. */
  version: string | undefined = undefined;
  /** The error that the error handlers answered for, for those who observe. */
  error: unknown = undefined;
  /** What the request costs against a limit, in the limit's own unit. @default 1 */
  cost: number = 1;
  /** Bytes of the body handed to the wire, after coding; 0 where a response has no body. */
  bytes: number = 0;
  /** The response was cut off before its last byte was handed over. */
  aborted: boolean = false;
  /** `done` has happened. */
  settled: boolean = false;
  /** Somebody has answered in the handler's place; what it still does to the response goes nowhere. */
  abandoned: boolean = false;
  /** The connection was handed over to another protocol: the exchange ended well, without a body. */
  upgraded: boolean = false;
  /** Where the time went; only for requests that somebody picked (`Host.timeRequests`). */
  timeline: Timeline | undefined = undefined;
  /** Made by the house itself, such as a cache's refresh: limits do not count it. */
  internal: boolean = false;
  /** Somebody looked at who the caller is: the answer may be personal. */
  principalRead: boolean = false;
  /**
   * A library had patched the response before the app had its tap, as it may the first of a
   * process, and sets headers that no stage sees: a session its cookie. Nobody may keep or
   * share such an answer.
   */
  patchedBefore: boolean = false;
  /** The whole that has run this exchange through its pipeline already. @internal */
  passedBy: object | undefined = undefined;
  /** The error with which the exchange left that pipeline. @internal */
  passedError: unknown = undefined;
  /** Bits of the stages in use. @internal */
  stageBits: number = 0;
  /** @internal */
  tapState: TapState | undefined = undefined;
  private watched: boolean = false;
  private requestId: string | undefined = undefined;
  private who: string | undefined = undefined;
  private pattern: string | undefined | null = null;
  private controller: AbortController | undefined = undefined;
  private responseHead: ResponseHead | undefined = undefined;
  /** Owners and what they keep, in turn: they are few, and looking through them costs less than a map. */
  private states: unknown[] | undefined = undefined;

  constructor(req: Request, res: Response, clock: Clock = systemClock) {
    this.req = req;
    this.res = res;
    this.clock = clock;
    this.startMs = clock.monotonicMs();
  }

  /**
   * The request's id: what correlation set, or a random UUID made on first reading.
   * @throws {TypeError} when it is set to what is no text
   */
  get id(): string {
    return (this.requestId ??= randomUUID());
  }

  set id(id: string) {
    if (typeof id !== 'string') throw noText('exchange.id', 'text', id);
    this.requestId = id;
  }

  /** When the exchange began, in ms since the epoch. */
  get startedAt(): number {
    return this.clock.now() - (this.clock.monotonicMs() - this.startMs);
  }

  /** How long the exchange took, or has taken so far, in ms. */
  get durationMs(): number {
    return (this.settled ? this.endMs : this.clock.monotonicMs()) - this.startMs;
  }

  /** Time left until the deadline in ms, never negative; Infinity without one. */
  get remainingMs(): number {
    return Math.max(0, this.deadlineMs - this.clock.monotonicMs());
  }

  /**
   * Who is calling, as authentication resolved it. Reading it marks the answer as possibly personal.
   * @throws {TypeError} for what is no text: keys, limits, hashes and log lines are made of it
   */
  get principal(): string | undefined {
    this.principalRead = true;
    return this.who;
  }

  set principal(principal: string | undefined) {
    if (typeof principal !== 'string' && principal !== undefined) {
      const expected = 'text that names who is calling, or undefined for nobody';
      throw noText('exchange.principal', expected, principal);
    }
    this.who = principal;
  }

  /** Who is calling, for those who only observe: does not mark the answer as personal. */
  peekPrincipal(): string | undefined {
    return this.who;
  }

  /**
   * The pattern of the route that matched, composed over its mounts, such as
   * `/api/cities/:id`; absent while none has matched.
   */
  get route(): string | undefined {
    if (this.pattern !== null) return this.pattern;
    const pattern = routePattern(this.req);
    // All who observe ask in the end, and by then it does not change any more.
    if (this.settled) this.pattern = pattern;
    return pattern;
  }

  /** Fixes the route; `undefined` says that none matched, whatever a passing layer left behind. */
  set route(pattern: string | undefined) {
    this.pattern = pattern;
  }

  /** Aborts when the client goes away or somebody gives up on the request. Made on first reading. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      // All that works for a request listens, and Node takes more than ten for a leak.
      setMaxListeners(Infinity, this.controller.signal);
      if (this.settled && this.aborted) this.controller.abort(clientGone());
      else this.watch();
    }
    return this.controller.signal;
  }

  /** Tells everyone who works for this request to stop. Does not answer; that is the caller's to do. */
  abort(reason: unknown): void {
    this.controller ??= new AbortController();
    this.controller.abort(reason);
  }

  /** The response's head, for stages. */
  get head(): ResponseHead {
    return (this.responseHead ??= new ResponseHead(this.res));
  }

  /** Takes part in this exchange's response from here on. `stages` comes from `defineStages`. */
  tap(stages: Stages): void {
    if (this.tapState === undefined) {
      this.tapState = new TapState();
      this.patchedBefore = tapResponse(this.res);
      this.watch();
    } else if ((stages.bits & TRANSFORM) !== 0) {
      // It may not have been a response of Express, with a `json`, before.
      tapResponse(this.res);
    }
    this.tapState.stages.push(stages);
    this.stageBits |= stages.bits;
  }

  /** What `owner` keeps for this exchange; each owner sees only its own. */
  getState<T>(owner: StateKey<T>): T | undefined {
    const { states } = this;
    if (states === undefined) return undefined;
    for (let at = 0; at < states.length; at += 2) {
      if (states[at] === owner) return states[at + 1] as T;
    }
    return undefined;
  }

  setState<T>(owner: StateKey<T>, state: T): void {
    const states = (this.states ??= []);
    let at = 0;
    while (at < states.length && states[at] !== owner) at += 2;
    states[at] = owner;
    states[at + 1] = state;
  }

  /** Ends the exchange because its connection goes on in another protocol (RFC 9110 §7.8). @internal */
  upgrade(): void {
    this.upgraded = true;
    this.settle();
  }

  private watch(): void {
    if (this.watched) return;
    this.watched = true;
    watchClose(this);
  }

  /** Ends the exchange: runs every `done` once. Called by the tap. @internal */
  settle(): void {
    if (this.settled) return;
    this.settled = true;
    this.endMs = this.clock.monotonicMs();
    this.aborted = !this.upgraded && !this.res.writableFinished;
    if (hasNoBody(this.req.method, this.res.statusCode)) this.bytes = 0;
    if (this.aborted) this.controller?.abort(clientGone());
    const state = this.tapState;
    if (state === undefined) return;
    state.encoder?.stream.destroy();
    for (const sink of state.sinks) sink.abort();
    for (let at = state.stages.length - 1; at >= 0; at--) {
      const { done } = state.stages[at]!;
      if (done === undefined) continue;
      try {
        done(this);
      } catch (error) {
        report(error, 'done', this);
      }
    }
  }
}

/** Names an owner of per-exchange state; make one per instance with `stateKey`. */
export interface StateKey<T> {
  readonly description: string;
  /** Never present: carries the type of the state. */
  readonly type?: T;
}

/** A key for what one instance keeps in each exchange. */
export function stateKey<T>(description: string): StateKey<T> {
  return Object.freeze({ description });
}

/** The exchange of a request; the first who asks makes it. */
export function exchangeOf(req: Request, res: Response, clock?: Clock): Exchange {
  const carrier = req as Request & { [EXCHANGE]?: Exchange };
  const known = carrier[EXCHANGE];
  if (known !== undefined) return known;
  const exchange = new Exchange(req, res, clock);
  carrier[EXCHANGE] = exchange;
  return exchange;
}

function clientGone(): ProblemError {
  return new ProblemError({
    code: 'ERR_CLIENT_CLOSED',
    status: 499,
    detail: 'The client closed the connection before the response was complete.',
  });
}

/** Log lines, keys and hashes are made of it, by code that has nobody to tell. */
function noText(what: string, expected: string, given: unknown): TypeError {
  const is = given === null ? 'null' : `of type ${typeof given}`;
  return new TypeError(
    `${what} must be ${expected}, but is ${is}. Write String(value) where it is a number.`,
  );
}
