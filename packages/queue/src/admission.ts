/**
 * Who may begin, who waits, and who is told at once that waiting is no use. It joins
 * enforcement (`limiter.ts`) with the discipline of the queue (`waiting-line.ts`) and knows
 * neither requests nor answers.
 */
import type { Cancel, Clock } from '@org/core';

import type { WaitTarget } from './codel.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Limit } from './limit.ts';
import { Limiter, type Permit } from './limiter.ts';
import type { WorkTime } from './pace.ts';
import { type Applicant, type Refusal, Waiter } from './waiter.ts';
import { WaitingLine } from './waiting-line.ts';

/** How often those whose time is over are looked for, in ms; one timer for all of them. */
const SWEEP_MS = 10;

export interface AdmissionOptions {
  readonly limit: Limit;
  readonly maxQueueSize: number;
  readonly maxWaitMs: number;
  readonly targetWaitMs: number;
  readonly intervalMs: number;
  readonly classes: readonly string[];
  readonly agingMs: number;
  readonly reservedRatio: number;
  readonly clock: Clock;
  /** Told when the queue begins to stand, and when it does not any more. */
  readonly onOverload?: (overloaded: boolean) => void;
  /** @default setImmediate */
  readonly defer?: (task: () => void) => void;
}

/** What is asked for. */
export interface Wish {
  readonly cost: number;
  /** Index of the priority class; 0 is the most urgent. */
  readonly rank: number;
  /** With whom it takes turns; absent: with all others without one. */
  readonly account: string | undefined;
  /** The longest wait, in ms. */
  readonly maxWaitMs: number;
  /** When it is of no use any more, in monotonic ms. */
  readonly deadlineMs: number;
}

/** What admission goes by. */
type Load = WaitTarget & WorkTime;

export class Admission {
  readonly limiter: Limiter;
  readonly line: WaitingLine;
  private readonly options: AdmissionOptions;
  private readonly clock: Clock;
  private readonly dispatcher: Dispatcher;
  private readonly known: { -readonly [K in keyof Load]: Load[K] };
  private stopSweep: Cancel | undefined = undefined;
  private wasOverloaded: boolean = false;
  private closed: boolean = false;

  constructor(options: AdmissionOptions) {
    this.options = options;
    this.clock = options.clock;
    const now = (): number => this.clock.monotonicMs();
    const onRoom = (): void => {
      if (this.line.size > 0) this.dispatcher.roomMade();
    };
    this.limiter = new Limiter({ limit: options.limit, now, onRoom });
    this.line = new WaitingLine(options.classes, options.agingMs);
    this.dispatcher = new Dispatcher({
      begin: () => this.begin(),
      now,
      defer: options.defer ?? setImmediate,
    });
    this.known = { targetMs: 0, intervalMs: 0, serviceMs: 0, limit: 0 };
  }

  /** A permit at once, where nobody waits and there is room. */
  tryNow(cost: number, rank: number, maxWaitMs: number): Permit | undefined {
    const mayBegin = this.dispatcher.mayBegin(this.clock.monotonicMs());
    if (this.line.size > 0) return undefined;
    // One who may not wait would be refused, with room for it, where others wait for the turn to end.
    const mayWait = maxWaitMs > 0 && this.options.maxQueueSize > 0;
    if (!mayBegin && mayWait) return undefined;
    return this.limiter.acquire(cost, this.shareOf(rank));
  }

  /** A place in the queue, or why there is none. */
  wait(applicant: Applicant, wish: Wish): Waiter | Refusal {
    const { cost, rank, account, deadlineMs } = wish;
    const nowMs = this.clock.monotonicMs();
    const hopeless = this.hopeless(wish, nowMs);
    if (hopeless !== undefined) {
      // Who is more impatient than all others says nothing of the queue.
      if (wish.maxWaitMs >= this.options.maxWaitMs) this.press(hopeless, rank);
      return hopeless;
    }
    if (this.line.size >= this.options.maxQueueSize) {
      const victim = this.line.victim(rank, account);
      if (victim === undefined) {
        this.press('full', rank);
        return 'full';
      }
      this.refuse(victim, 'evicted', nowMs);
    }
    const untilMs = Math.min(nowMs + wish.maxWaitMs, deadlineMs);
    const lateReason = untilMs === deadlineMs ? 'deadline' : 'timeout';
    const waiter = new Waiter(applicant, cost, rank, nowMs, untilMs, lateReason);
    this.line.add(waiter, account, nowMs, this.load());
    this.stopSweep ??= this.clock.every(SWEEP_MS, () => this.sweep());
    if (this.limiter.fits(cost, this.shareOf(rank))) this.dispatcher.wake();
    return waiter;
  }

  /** What would be answered if this queue did what it says; for those who only want to know. */
  verdict({ cost, maxWaitMs, deadlineMs }: Wish): 'admitted' | 'queued' | Refusal {
    const { limiter, options } = this;
    if (limiter.fits(cost)) return 'admitted';
    const waiting = limiter.inflight - limiter.limit;
    if (waiting >= options.maxQueueSize) return 'full';
    const predictedMs = (waiting * limiter.serviceMs) / limiter.limit;
    if (predictedMs > deadlineMs - this.clock.monotonicMs()) return 'deadline';
    return predictedMs > maxWaitMs ? 'wait' : 'queued';
  }

  /** One who waits has gone. Does nothing for one who does not wait any more. */
  leave(waiter: Waiter): void {
    if (waiter.flow !== undefined) this.remove(waiter);
  }

  get overloaded(): boolean {
    return this.line.overloaded;
  }

  /** Refuses everybody who waits; permits that are out may still come back. Idempotent. */
  close(): void {
    this.closed = true;
    this.stopSweep?.();
    this.stopSweep = undefined;
    const nowMs = this.clock.monotonicMs();
    for (const one of this.line.classes) {
      for (const waiter of one) this.refuse(waiter, 'closed', nowMs);
    }
    this.options.limit.close?.();
  }

  /** How loaded we are. In a queue that stands waiting may be no less than the work itself takes. */
  private load(): Load {
    const { known, options, limiter } = this;
    known.serviceMs = limiter.serviceMs;
    known.limit = limiter.limit;
    known.targetMs = Math.max(options.targetWaitMs, known.serviceMs);
    known.intervalMs = Math.max(options.intervalMs, 4 * known.targetMs);
    return known;
  }

  /** The first class may have all of the limit. */
  private shareOf(rank: number): number {
    return rank === 0 ? 1 : 1 - this.options.reservedRatio;
  }

  private hopeless(wish: Wish, nowMs: number): Refusal | undefined {
    if (this.closed) return 'closed';
    const { cost, rank, account, maxWaitMs, deadlineMs } = wish;
    if (deadlineMs <= nowMs) return 'deadline';
    const one = this.line.classes[rank]!;
    const load = this.load();
    const predictedMs = this.line.predictMs(rank, cost, account, nowMs, load);
    if (predictedMs > deadlineMs - nowMs) return 'deadline';
    const longestMs = one.codel.overloaded ? Math.min(maxWaitMs, load.targetMs) : maxWaitMs;
    return predictedMs > longestMs ? 'wait' : undefined;
  }

  /** Has the next one begin. False when there is nobody, or no room. */
  private begin(): boolean {
    const load = this.load();
    const nowMs = this.clock.monotonicMs();
    for (;;) {
      let waiter = this.line.next(nowMs, load);
      if (waiter === undefined) return false;
      if (this.letGo(waiter, nowMs, load)) continue;
      if (!this.limiter.fits(waiter.cost, this.shareOf(waiter.rank))) {
        // What is reserved for the most urgent does not wait for the others.
        waiter = waiter.rank === 0 ? undefined : this.line.nextOf(0, nowMs, load);
        if (waiter === undefined || !this.limiter.fits(waiter.cost)) return false;
        if (this.letGo(waiter, nowMs, load)) continue;
      }
      this.line.take(waiter, nowMs, load);
      this.watchOverload();
      const permit = this.limiter.take(waiter.cost);
      waiter.applicant.admitted(permit, nowMs - waiter.sinceMs);
      return true;
    }
  }

  /** Takes one out of the queue who is gone, or whose time is over. */
  private letGo(waiter: Waiter, nowMs: number, load: Load): boolean {
    if (waiter.applicant.isGone()) this.remove(waiter);
    else if (waiter.untilMs <= nowMs) this.refuse(waiter, waiter.lateReason, nowMs);
    else if (this.line.isSurplus(waiter, nowMs, load)) this.refuse(waiter, 'codel', nowMs);
    else return false;
    return true;
  }

  /** Lets go of everybody whose time is over, whether or not anything begins. */
  private sweep(): void {
    const nowMs = this.clock.monotonicMs();
    const load = this.load();
    for (const one of this.line.classes) {
      if (one.size === 0) one.codel.empty(nowMs, load);
      else one.codel.check(nowMs, load);
      for (const waiter of one) {
        // Whoever is let go may take others along.
        if (waiter.flow !== undefined) this.letGo(waiter, nowMs, load);
      }
    }
    this.watchOverload();
    if (this.line.size > 0 || this.line.overloaded) return;
    this.stopSweep?.();
    this.stopSweep = undefined;
  }

  private refuse(waiter: Waiter, reason: Refusal, nowMs: number): void {
    this.remove(waiter);
    this.press(reason, waiter.rank);
    waiter.applicant.refused(reason, nowMs - waiter.sinceMs);
  }

  /** A refusal says that the queue is too long, unless it was for the deadline of one. */
  private press(reason: Refusal, rank: number): void {
    if (reason !== 'deadline') this.line.classes[rank]!.codel.press();
  }

  private remove(waiter: Waiter): void {
    this.line.remove(waiter, this.clock.monotonicMs());
    this.watchOverload();
    // It may have been the one for whom the room was too small.
    if (this.line.size > 0) this.dispatcher.wake();
  }

  private watchOverload(): void {
    const { overloaded } = this.line;
    if (overloaded === this.wasOverloaded) return;
    this.wasOverloaded = overloaded;
    this.options.onOverload?.(overloaded);
  }
}
