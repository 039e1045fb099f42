/**
 * What several processes know of each other's circuits, through a store: who opens one tells the
 * others on the bus, and leaves a note for those who come later. Each finds out for itself whether
 * it works again. Nothing waits for the store: without it each decides alone.
 */
import { randomUUID } from 'node:crypto';
import {
  type Bus,
  type BusMessage,
  type CallOptions,
  type Cancel,
  type Clock,
  type KeyValueStore,
  MAX_DELAY_MS,
  type MaybePromise,
  report,
  type Stats,
} from '@org/core';

import type { Transition, StateMachine } from './state-machine.ts';

/** What is told of a breaker. */
export interface News {
  readonly kind: 'open' | 'isolated' | 'closed';
  readonly breaker: string;
  /** When an open circuit is tried again, in ms since the epoch. */
  readonly untilAt?: number;
  /** Which process tells it. */
  readonly from: string;
}

export interface SharedStateOptions {
  readonly store: KeyValueStore & Bus;
  readonly storePrefix: string;
  readonly storeTimeoutMs: number;
  /** Name of the circuit. */
  readonly name: string;
  readonly clock: Clock;
  /** The machine of a breaker, if there is one here. */
  readonly find: (breaker: string) => StateMachine | undefined;
}

/** How long until listening is tried again, in ms. */
const RETRY_MS = 5000;

/**
 * How long no call has failed until the next failure begins another outage, which is reported, in
 * ms: where one of several servers is away, calls to the others go on working in between.
 */
const QUIET_MS = 10_000;

export class SharedState {
  private readonly options: SharedStateOptions;
  private readonly base: string;
  private readonly limits: CallOptions;
  private readonly id: string = randomUUID();
  private toldTotal: number = 0;
  private heardTotal: number = 0;
  private failedTotal: number = 0;
  /** Whether the last call failed. */
  private failing: boolean = false;
  private failedMs: number = Number.NEGATIVE_INFINITY;
  private subscribing: Promise<void> | undefined = undefined;
  private unsubscribe: (() => MaybePromise<void>) | undefined = undefined;
  private cancelRetry: Cancel | undefined = undefined;
  private closed: boolean = false;

  constructor(options: SharedStateOptions) {
    this.options = options;
    this.base = `${options.storePrefix}:${options.name}`;
    this.limits = Object.freeze({ timeoutMs: options.storeTimeoutMs });
  }

  /** Listens to the others. Begins by itself with the first breaker; tried again until it works. */
  start(): Promise<void> {
    this.subscribing ??= this.subscribe();
    return this.subscribing;
  }

  /** Whether others have opened what is made here only now. */
  adopt(machine: StateMachine): void {
    void this.start();
    void this.call(async () => {
      const note = await this.options.store.get(this.key(machine.name), this.limits);
      if (note !== undefined) this.apply(machine, parse(note));
    });
  }

  /** Tells the others what has happened here, where it concerns them. */
  tell(machine: StateMachine, { reason }: Transition): void {
    if (reason === 'told') return;
    const { name: breaker, state } = machine;
    const { store, clock } = this.options;
    const from = this.id;
    if (state.kind === 'open') {
      const { untilAt } = state;
      void this.announce({ kind: 'open', breaker, untilAt, from }, untilAt - clock.now());
    } else if (state.kind === 'isolated') {
      void this.announce({ kind: 'isolated', breaker, from }, MAX_DELAY_MS);
    } else if (state.kind === 'closed' && reason === 'manual') {
      void this.call(async () => {
        await store.delete(this.key(breaker), this.limits);
        await this.publish({ kind: 'closed', breaker, from });
      });
    }
  }

  stats(): Stats {
    const { toldTotal, heardTotal, failedTotal } = this;
    return { store: { failing: this.failing, toldTotal, heardTotal, failedTotal } };
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cancelRetry?.();
    const { unsubscribe } = this;
    this.unsubscribe = undefined;
    if (unsubscribe !== undefined) await this.call(async () => unsubscribe());
  }

  private async announce(news: News, forMs: number): Promise<void> {
    await this.call(async () => {
      await this.options.store.set(
        this.key(news.breaker),
        bytesOf(news),
        Math.min(MAX_DELAY_MS, Math.max(1, forMs)),
        this.limits,
      );
      await this.publish(news);
    });
  }

  private async publish(news: News): Promise<void> {
    await this.options.store.publish(this.base, bytesOf(news), this.limits);
    this.toldTotal++;
  }

  private async subscribe(): Promise<void> {
    const subscribed = await this.call(async () => {
      const unsubscribe = await this.options.store.subscribe(
        this.base,
        (message) => this.hear(message),
        this.limits,
      );
      this.unsubscribe = unsubscribe;
      if (this.closed) await this.close();
    });
    if (subscribed || this.closed) return;
    this.subscribing = undefined;
    this.cancelRetry?.();
    this.cancelRetry = this.options.clock.after(RETRY_MS, () => void this.start());
  }

  private hear({ data }: BusMessage): void {
    const news = parse(data);
    if (news.from === this.id || this.closed) return;
    const machine = this.options.find(news.breaker);
    if (machine === undefined) return;
    this.heardTotal++;
    this.apply(machine, news);
  }

  private apply(machine: StateMachine, { kind, untilAt = 0 }: News): void {
    if (kind === 'isolated') machine.isolate('told');
    else if (kind === 'closed') machine.close('told');
    else if (kind === 'open') machine.openUntil(untilAt);
  }

  /** Says whether it went well. Never rejects: nobody waits for it. */
  private async call(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      this.failing = false;
      return true;
    } catch (error) {
      const nowMs = this.options.clock.monotonicMs();
      this.failedTotal++;
      if (nowMs - this.failedMs > QUIET_MS) report(error, 'circuit store');
      this.failedMs = nowMs;
      this.failing = true;
      return false;
    }
  }

  private key(breaker: string): string {
    return `${this.base}:${breaker}`;
  }
}

function bytesOf(news: News): Uint8Array {
  return Buffer.from(JSON.stringify(news));
}

function parse(data: Uint8Array): News {
  return JSON.parse(Buffer.from(data).toString()) as News;
}
