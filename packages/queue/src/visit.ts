/** One request on its way through the queue: its permit, or its place, and the promise that it waits on. */
import { type Exchange, HANDLED, type StepResult } from '@org/core';

import type { Permit } from './limiter.ts';
import type { Applicant, Refusal, Waiter } from './waiter.ts';

/** Whoever is told how a visit goes on. */
export interface Desk {
  onAdmitted(visit: Visit, waitedMs: number): void;
  onRefused(visit: Visit, reason: Refusal, waitedMs: number): StepResult;
}

export class Visit implements Applicant {
  readonly exchange: Exchange;
  readonly rank: number;
  permit: Permit | undefined = undefined;
  waiter: Waiter | undefined = undefined;
  private readonly desk: Desk;
  private resolve: ((result: void | typeof HANDLED) => void) | undefined = undefined;
  private reject: ((reason: unknown) => void) | undefined = undefined;

  constructor(desk: Desk, exchange: Exchange, rank: number) {
    this.desk = desk;
    this.exchange = exchange;
    this.rank = rank;
  }

  /** Resolves when it goes on, or has been answered; rejects with a refusal that others are to answer. */
  wait(waiter: Waiter): Promise<void | typeof HANDLED> {
    this.waiter = waiter;
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** Somebody has answered already, or there is nobody left to answer: the deadline's keeper, or a client that left. */
  isGone(): boolean {
    const { exchange } = this;
    return exchange.settled || exchange.res.writableEnded || exchange.res.destroyed;
  }

  admitted(permit: Permit, waitedMs: number): void {
    this.permit = permit;
    this.waiter = undefined;
    this.desk.onAdmitted(this, waitedMs);
    this.resolve!(undefined);
  }

  refused(reason: Refusal, waitedMs: number): void {
    this.waiter = undefined;
    try {
      this.resolve!(this.desk.onRefused(this, reason, waitedMs) as typeof HANDLED);
    } catch (error) {
      this.reject!(error);
    }
  }

  /** It waits no more, and goes no further. */
  abandoned(): void {
    this.waiter = undefined;
    this.resolve!(HANDLED);
  }
}
