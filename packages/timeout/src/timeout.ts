/**
 * One deadline per request. It stands in the phase `context`, so that all below it knows
 * when to give up: the exchange carries the deadline, and its signal aborts when the time
 * is over. Then the request is answered in its handler's place; what the handler still
 * does goes nowhere, and is counted.
 */
import { channel } from 'node:diagnostics_channel';
import {
  abandon,
  addressOf,
  answerHeld,
  answerProblem,
  callHook,
  defineMiddleware,
  defineStages,
  type Exchange,
  exchangeOf,
  type Given,
  type Host,
  type Middleware,
  ProblemError,
  routeTable,
  stateKey,
  type Stats,
} from '@org/core';
import type { Response } from 'express';

import { type Deadline, Deadlines } from './deadlines.ts';
import {
  type Expiry,
  resolveTimeoutOptions,
  TIME,
  TIMEOUT_CHANNEL,
  type TimeoutMessage,
  type TimeoutOptions,
} from './options.ts';
import { statedTimeMs, stateTime } from './stated-time.ts';

/** The middleware, and what handlers can do about their own deadline. */
export interface Timeout extends Middleware {
  /**
   * Begins the time of this response anew, from now: with `timeMs`, or with what it had.
   * Nothing happens once its time is over, or where it has none.
   * @throws RangeError for a time that no timer takes
   */
  renew(res: Response, timeMs?: number): void;
  /** Takes the deadline off this response. Its signal aborts only when the client goes. */
  exempt(res: Response): void;
  /** The header that tells the next service how much time is left; none without a deadline. For `fetch`. */
  headers(res: Response): Record<string, string>;
}

/** One request under way. */
interface Running extends Deadline {
  readonly exchange: Exchange;
  /** What the client had taken when its time began anew, in bytes. */
  takenBytes: number;
}

/** A response without an end, which the client may wait at for long. */
const EVENT_STREAM = /^text\/event-stream\b/i;

/** Makes the deadline. @throws OptionError for unknown or wrong options */
export function timeout(options?: Given<TimeoutOptions>): Timeout {
  const settings = resolveTimeoutOptions(options);
  const { timeoutMs, afterHead, headerUnit, maxHeaderMs, status, answer, onTimeout, clock } =
    settings;
  const fieldName = settings.header === false ? undefined : settings.header.toLowerCase();
  const timeOf = routeTable('timeout', settings.routes);
  const hasRoutes = Object.keys(settings.routes).length > 0;
  const published = channel(TIMEOUT_CHANNEL);
  const key = stateKey<Running>('timeout');
  const counts = { answered: 0, cut: 0, renewed: 0, stated: 0, lateWrites: 0 };
  let host: Host | undefined;
  let closed = false;

  const deadlines = new Deadlines<Running>(clock, expire);
  const stages = defineStages({
    head(head, exchange) {
      const running = exchange.getState(key)!;
      const type = head.get('content-type');
      if (typeof type === 'string' && EVENT_STREAM.test(type)) exempt(running);
    },
    done(exchange) {
      deadlines.remove(exchange.getState(key)!);
    },
  });

  /** The time of a request in ms; nothing where it has none. */
  function timeFor(exchange: Exchange): number | undefined {
    const { req } = exchange;
    const own = hasRoutes ? timeOf(addressOf(req)) : undefined;
    if (own === false) return undefined;
    const timeMs = own ?? timeoutMs;
    if (fieldName === undefined) return timeMs;
    const stated = statedTimeMs(req.headers[fieldName], headerUnit);
    if (stated === undefined) return timeMs;
    counts.stated++;
    return Math.min(stated, maxHeaderMs ?? timeMs);
  }

  function expire(running: Running): void {
    const { exchange } = running;
    if (answerHeld(exchange, () => expireBeforeHead(running))) return;
    if (exchange.res.headersSent) expireAfterHead(running);
    else expireBeforeHead(running);
  }

  function expireAfterHead(running: Running): void {
    const { exchange } = running;
    if (afterHead === 'ignore') return;
    if (afterHead === 'renew') {
      const takenBytes = takenBy(exchange);
      if (takenBytes > running.takenBytes) {
        running.takenBytes = takenBytes;
        begin(running, running.timeMs);
        return;
      }
    }
    const error = tooLong(running);
    exchange.error ??= error;
    exchange.abort(error);
    exchange.res.destroy();
    tell(exchange, 'cut');
  }

  function expireBeforeHead(running: Running): void {
    const { exchange } = running;
    const { req, res } = exchange;
    const error = tooLong(running);
    exchange.error ??= error;
    const answerError = answer ?? host?.answerError.bind(host);
    if (answerError !== undefined)
      callHook(() => answerError(req, res, error), 'timeout answer', exchange);
    if (!res.headersSent) answerProblem(res, error);
    abandon(exchange, () => void counts.lateWrites++);
    // Only now: a handler that gives up on it must find the answer given.
    exchange.abort(error);
    tell(exchange, 'answered');
  }

  function tooLong({ timeMs }: Running): ProblemError {
    return new ProblemError({
      code: 'ERR_TIMEOUT',
      status,
      detail: `The request took longer than the ${timeMs} ms that it may take. Try again later, or ask for less at a time.`,
      expose: true,
    });
  }

  function tell(exchange: Exchange, expiry: Expiry): void {
    counts[expiry]++;
    if (published.hasSubscribers) {
      published.publish({ exchange, expiry } satisfies TimeoutMessage);
    }
    if (onTimeout !== undefined) {
      callHook(() => onTimeout(exchange, expiry), 'timeout onTimeout', exchange);
    }
  }

  /** Gives a request time from now on. */
  function begin(running: Running, timeMs: number): void {
    running.timeMs = timeMs;
    running.dueMs = clock.monotonicMs() + timeMs;
    running.exchange.deadlineMs = deadlineOf(running.exchange, timeMs);
    counts.renewed++;
    deadlines.add(running);
  }

  function exempt(running: Running): void {
    deadlines.remove(running);
    running.exchange.deadlineMs = Number.POSITIVE_INFINITY;
  }

  const middleware = defineMiddleware({
    name: 'timeout',
    phase: 'context',
    reason: 'everything below knows when to give up',
    step(exchange) {
      const timeMs = timeFor(exchange);
      if (timeMs === undefined || closed || exchange.getState(key) !== undefined) return;
      const dueMs = clock.monotonicMs() + timeMs;
      const running: Running = {
        exchange,
        dueMs,
        timeMs,
        takenBytes: 0,
        lane: undefined,
        before: undefined,
        behind: undefined,
      };
      // Whoever mounts two means the shorter.
      const deadlineMs = exchange.clock === clock ? dueMs : deadlineOf(exchange, timeMs);
      exchange.deadlineMs = Math.min(exchange.deadlineMs, deadlineMs);
      exchange.setState(key, running);
      exchange.tap(stages);
      deadlines.add(running);
    },
    attach: (given) => void (host = given),
    stats: (): Stats => ({
      running: deadlines.size,
      answeredTotal: counts.answered,
      cutTotal: counts.cut,
      renewedTotal: counts.renewed,
      statedTotal: counts.stated,
      lateWritesTotal: counts.lateWrites,
    }),
    close() {
      closed = true;
      deadlines.clear();
    },
  });

  const runningOf = (res: Response): Running | undefined => exchangeOf(res.req, res).getState(key);

  return Object.assign(middleware, {
    renew(res: Response, timeMs?: number): void {
      if (timeMs !== undefined && !TIME.accepts(timeMs)) {
        throw new RangeError(
          `timeout.renew: timeMs must be ${TIME.expected}, but is ${String(timeMs)}.`,
        );
      }
      const running = runningOf(res);
      if (running?.lane === undefined) return;
      deadlines.remove(running);
      begin(running, timeMs ?? running.timeMs);
    },
    exempt(res: Response): void {
      const running = runningOf(res);
      if (running !== undefined) exempt(running);
    },
    headers(res: Response): Record<string, string> {
      const { remainingMs } = exchangeOf(res.req, res);
      if (settings.header === false || remainingMs === Number.POSITIVE_INFINITY) return {};
      return { [settings.header]: stateTime(remainingMs, headerUnit) };
    },
  });
}

/** In the exchange's own time, which is that of whoever made it. */
function deadlineOf({ clock }: Exchange, timeMs: number): number {
  return clock.monotonicMs() + timeMs;
}

/** What has left for the client, in bytes: of what waits in this process nobody has taken anything. */
function takenBy({ req, bytes }: Exchange): number {
  const { bytesWritten, writableLength } = req.socket;
  return typeof bytesWritten === 'number' ? bytesWritten - writableLength : bytes;
}
