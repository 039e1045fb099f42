/**
 * How much may be tried again, as a share of what is called: where everything fails, retries
 * would multiply the load at the very time when it is too much already. Calls and retries of the
 * last seconds are counted by name, as in the budgets of Finagle and Linkerd: with a few retries
 * a second for those who call rarely. Whoever is given the same budget shares its names.
 */
import {
  type Checks,
  type Clock,
  clockCheck,
  durationMs,
  type Given,
  integer,
  resolveOptions,
  type Stats,
  systemClock,
} from '@org/core';

/** How much may be tried again. */
export interface RetryBudgetOptions {
  /** Retries for each call of the window: 0.2 is one for five calls. @default 0.2 */
  readonly ratio: number;
  /** Retries a second that are always left, over the window. @default 10 */
  readonly minPerSecond: number;
  /** How long calls and retries count, in ms. @default 10_000 */
  readonly windowMs: number;
  /** Names at a time; beyond that the oldest begins anew. @default 1000 */
  readonly maxNames: number;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
}

export const RETRY_BUDGET_DEFAULTS: Readonly<RetryBudgetOptions> =
  Object.freeze<RetryBudgetOptions>({
    ratio: 0.2,
    minPerSecond: 10,
    windowMs: 10_000,
    maxNames: 1000,
    clock: systemClock,
  });

const amount = {
  expected: 'a number of at least 0',
  accepts: (value: unknown): value is number =>
    typeof value === 'number' && value >= 0 && value < Infinity,
};

const CHECKS: Checks<RetryBudgetOptions> = Object.freeze<Checks<RetryBudgetOptions>>({
  ratio: amount,
  minPerSecond: amount,
  windowMs: durationMs({ min: 10 }),
  maxNames: integer({ min: 1 }),
  clock: clockCheck,
});

/** What one name may spend. */
export interface RetryAccount {
  /** A call was made: some of it may be spent on retries. */
  noteCall(): void;
  /** Takes one retry out, if there is one. */
  take(): boolean;
}

/** Accounts by name. */
export interface RetryBudget {
  account(name: string): RetryAccount;
  stats(): Stats;
}

/** Makes a budget, for as many retries and hedges as are given it. @throws OptionError for unknown or wrong options */
export function retryBudget(options?: Given<RetryBudgetOptions>): RetryBudget {
  const settings = resolveOptions('retryBudget', RETRY_BUDGET_DEFAULTS, CHECKS, options);
  const accounts = new Map<string, Account>();
  return {
    account(name) {
      let account = accounts.get(name);
      if (account === undefined) {
        account = new Account(settings);
        // Names come in the order in which they were first seen.
        if (accounts.size >= settings.maxNames) accounts.delete(accounts.keys().next().value!);
        accounts.set(name, account);
      }
      return account;
    },
    stats: () => ({ names: accounts.size }),
  };
}

/** Parts that the window is counted in: what falls out of it is at most a tenth late. */
const SLOTS = 10;
/** So many calls may count as a little younger than they are. */
const FILED_TOGETHER = 8;

class Account implements RetryAccount {
  private readonly calls: number[] = Array.from({ length: SLOTS }, () => 0);
  private readonly retries: number[] = Array.from({ length: SLOTS }, () => 0);
  private readonly slotMs: number;
  private readonly ratio: number;
  private readonly reserve: number;
  private readonly clock: Clock;
  private slot: number;
  /** Calls that are in no slot yet. */
  private unfiled: number = 0;

  constructor({ ratio, minPerSecond, windowMs, clock }: RetryBudgetOptions) {
    this.ratio = ratio;
    this.reserve = (minPerSecond * windowMs) / 1000;
    this.slotMs = windowMs / SLOTS;
    this.clock = clock;
    this.slot = this.slotNow();
  }

  noteCall(): void {
    // To read the clock costs as much as all the rest of a call that succeeds.
    if (++this.unfiled === FILED_TOGETHER) this.file();
  }

  take(): boolean {
    this.file();
    if (sum(this.retries) + 1 > this.reserve + this.ratio * sum(this.calls)) return false;
    this.retries[this.slot % SLOTS]!++;
    return true;
  }

  /** Counts calls where they belong by now, and forgets what has left the window. */
  private file(): void {
    this.turn(this.slotNow());
    this.calls[this.slot % SLOTS]! += this.unfiled;
    this.unfiled = 0;
  }

  private turn(slot: number): void {
    if (slot === this.slot) return;
    for (let at = Math.max(this.slot + 1, slot - SLOTS + 1); at <= slot; at++) {
      this.calls[at % SLOTS] = this.retries[at % SLOTS] = 0;
    }
    this.slot = slot;
  }

  private slotNow(): number {
    return Math.floor(this.clock.monotonicMs() / this.slotMs);
  }
}

function sum(counts: readonly number[]): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
