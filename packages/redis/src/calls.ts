/**
 * One call to Redis, as every operation makes it: refused at once where Redis is away or too much
 * waits for it, limited in time, and answered with errors of the store contract. A call that ran
 * out of time may still be done.
 */
import {
  type CallOptions,
  type Clock,
  MAX_DELAY_MS,
  storeTimeout,
  storeUnavailable,
  within,
} from '@org/core';

import type { Breaker } from './breaker.ts';
import { Deadlines, type Limited } from './deadlines.ts';
import type { Link } from './link.ts';
import { reasonOf } from './reason.ts';
import type { Script } from './scripts.ts';

/** What a command is given. */
export type Argument = string | Buffer | number;

/** What is sent. */
export interface Request<T> {
  /** The operation of the contract, for errors. */
  readonly call: string;
  /** Decides which server is asked. */
  readonly key: string;
  /** A command, or a script, which is loaded where the server does not know it. */
  readonly command?: string;
  readonly script?: Script;
  /** Of a script, its keys first. */
  readonly args: readonly Argument[];
  /** How many keys a script has. @default 1 */
  readonly keys?: number;
  readonly read: (reply: unknown) => T;
}

export interface CallsSettings {
  readonly timeoutMs: number;
  readonly maxInFlight: number;
  readonly clock: Clock;
}

export class Calls {
  callsTotal: number = 0;
  timeoutsTotal: number = 0;
  failuresTotal: number = 0;
  refusedTotal: number = 0;
  scriptsLoadedTotal: number = 0;
  inFlight: number = 0;
  readonly link: Link;
  private readonly deadlines: Deadlines;
  private readonly settings: CallsSettings;
  /** Calls that somebody still waits for. */
  private waiting: number = 0;
  private onIdle: () => void = () => undefined;
  private closed: boolean = false;

  constructor(link: Link, settings: CallsSettings) {
    this.link = link;
    this.settings = settings;
    this.deadlines = new Deadlines(settings.clock);
  }

  /**
   * Makes a call. Rejects with ERR_STORE_TIMEOUT or ERR_STORE_UNAVAILABLE.
   * @throws ERR_STORE_UNAVAILABLE at once, where it is not even tried
   * @throws RangeError for a time limit that no timer keeps
   */
  run<T>(request: Request<T>, options: CallOptions | undefined): Promise<T> {
    const { link, settings } = this;
    const { call } = request;
    const limitMs = wholeLimitMs(options?.timeoutMs ?? settings.timeoutMs);
    if (this.closed) throw this.refuse(call, new Error('The store is closed.'));
    if (this.inFlight >= settings.maxInFlight) {
      throw this.refuse(call, new Error(`${this.inFlight} calls are in flight (maxInFlight).`));
    }
    const isWaiting = !link.isReady && link.isFirstAttempt;
    const breaker = link.nodes.breakerOf(request.key);
    if ((!link.isReady && !isWaiting) || breaker.refuses) {
      throw this.refuse(call, link.outage.cause);
    }
    return new Promise<T>((resolve, reject) => {
      this.callsTotal++;
      this.inFlight++;
      this.waiting++;
      const pending = new Pending<T>(this, request, breaker, limitMs, resolve, reject);
      this.deadlines.add(pending, limitMs);
      if (isWaiting) void link.open().then(() => pending.sendIfReady());
      else pending.send();
    });
  }

  /** A call has been answered, or nobody waits for it any more. */
  settled(limited: Limited, limitMs: number): void {
    this.deadlines.remove(limited, limitMs);
    if (--this.waiting === 0) this.onIdle();
  }

  /** Takes no more calls, and waits for those under way: a little, or until `signal` aborts. Then they end. */
  async close(signal: AbortSignal | undefined): Promise<void> {
    this.closed = true;
    const { timeoutMs, clock } = this.settings;
    if (this.waiting > 0 && signal?.aborted !== true) {
      const idle = new Promise<void>((resolve) => (this.onIdle = resolve));
      signal?.addEventListener('abort', this.onIdle);
      await within(timeoutMs, clock, () => idle);
    }
    const closed = new Error('The store is closed.');
    for (const pending of this.deadlines.drain()) (pending as Pending<never>).fail(closed);
  }

  private refuse(call: string, cause: Error | undefined): Error {
    this.refusedTotal++;
    return storeUnavailable(call, cause);
  }
}

/** What is left of a time that is over runs out at once. @throws RangeError for what no timer keeps */
export function wholeLimitMs(timeoutMs: number): number {
  if (timeoutMs <= MAX_DELAY_MS) return Math.max(0, Math.ceil(timeoutMs));
  throw new RangeError(
    `The timeoutMs of a call must be at most ${MAX_DELAY_MS} ms, but is ${timeoutMs}.`,
  );
}

/** Errors by which a server says that it cannot answer at the moment, whatever it is asked. */
const AWAY = /^(?:CLUSTERDOWN|LOADING|MASTERDOWN|READONLY|TRYAGAIN|BUSY )/;

/** A call under way. */
class Pending<T> implements Limited {
  dueMs: number = 0;
  previous: Limited | undefined = undefined;
  next: Limited | undefined = undefined;
  private readonly calls: Calls;
  private readonly request: Request<T>;
  private readonly breaker: Breaker;
  private readonly limitMs: number;
  private readonly resolve: (value: T) => void;
  private readonly reject: (error: Error) => void;
  private isSettled: boolean = false;

  constructor(
    calls: Calls,
    request: Request<T>,
    breaker: Breaker,
    limitMs: number,
    resolve: (value: T) => void,
    reject: (error: Error) => void,
  ) {
    this.calls = calls;
    this.request = request;
    this.breaker = breaker;
    this.limitMs = limitMs;
    this.resolve = resolve;
    this.reject = reject;
  }

  /** Where a first connection was waited for. */
  sendIfReady(): void {
    const { link } = this.calls;
    if (!this.isSettled && link.isReady) {
      this.send();
      return;
    }
    this.calls.inFlight--;
    this.fail(link.outage.cause ?? new Error('There is no connection.'));
  }

  send(): void {
    const { command, script, args, keys = 1 } = this.request;
    if (script === undefined) this.ask(command!, args, (error) => this.refused(error));
    else this.ask('evalsha', [script.sha1, keys, ...args], (error) => this.unknown(script, error));
  }

  expire(): void {
    const { calls, request, limitMs } = this;
    calls.timeoutsTotal++;
    const error = storeTimeout(request.call, limitMs);
    this.isSettled = true;
    calls.settled(this, limitMs);
    this.breaker.failed(error);
    this.reject(error);
  }

  /** Rejects; the server has nothing to do with it. */
  fail(error: unknown): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.calls.settled(this, this.limitMs);
    this.calls.failuresTotal++;
    this.reject(storeUnavailable(this.request.call, reasonOf(error)));
  }

  private ask(command: string, args: readonly Argument[], onError: (error: unknown) => void): void {
    const { client, nodes } = this.calls.link;
    nodes.gather();
    client.callBuffer(command, args as Argument[]).then((reply) => this.answered(reply), onError);
  }

  private answered(reply: unknown): void {
    this.calls.inFlight--;
    // Too late: the time limit has been counted, and says more than this answer.
    if (this.isSettled) return;
    this.isSettled = true;
    this.calls.settled(this, this.limitMs);
    this.breaker.succeeded();
    try {
      this.resolve(this.request.read(reply));
    } catch (error) {
      this.reject(storeUnavailable(this.request.call, error));
    }
  }

  /** A server that has restarted, or another one, gets the script as it is, and knows it from then on. */
  private unknown(script: Script, error: unknown): void {
    if (this.isSettled || !(error as Error).message.startsWith('NOSCRIPT')) {
      this.refused(error);
      return;
    }
    const { args, keys = 1 } = this.request;
    this.calls.scriptsLoadedTotal++;
    this.ask('eval', [script.source, keys, ...args], (second) => this.refused(second));
  }

  private refused(error: unknown): void {
    this.calls.inFlight--;
    const isReply = (error as Error).name === 'ReplyError';
    if (!isReply || AWAY.test((error as Error).message)) this.breaker.failed(error);
    this.fail(error);
  }
}
