/**
 * What processes know of addresses together. Points are counted in the store beside the local
 * count; blocks go round on its bus, and stand as one list in it for those who start later. No
 * request waits for any of it, and while the store is away each process goes by what it knows.
 */
import { randomUUID } from 'node:crypto';
import {
  type Cancel,
  type Clock,
  MAX_DELAY_MS,
  type MaybePromise,
  report,
  storeTimeout,
} from '@org/core';

import type { Block } from './blocks.ts';
import type { ReputationStore } from './reputation-options.ts';

export interface SharedReputationOptions {
  readonly store: ReputationStore;
  readonly namespace: string;
  readonly timeoutMs: number;
  readonly windowMs: number;
  readonly clock: Clock;
  /** Told of what others blocked. */
  readonly onBlocked: (block: Block) => void;
  /** Told of what others lifted. */
  readonly onLifted: (key: string) => void;
  /** What is blocked now, the longest first. */
  readonly held: () => readonly Block[];
}

/** A block as it travels: its end since the epoch, which all processes share. */
interface SharedBlock extends Omit<Block, 'untilMs'> {
  readonly untilAt: number;
}

type Message = { readonly from: string } & (
  | { readonly blocked: SharedBlock }
  | { readonly lifted: string }
);

/** Counters are whole numbers. */
const PER_POINT = 1000;
/** How long the store is left alone once it has failed, in ms. */
const PAUSE_MS = 1000;
/** Calls under way at once; past them a flood is counted here alone. */
const MAX_CALLS = 256;
/** Blocks in the list for those who start later. */
const MAX_LISTED = 1000;
/** Blocks that come together are written together, so much later, in ms. */
const SAVE_AFTER_MS = 1000;

export class SharedReputation {
  failuresTotal: number = 0;
  private readonly options: SharedReputationOptions;
  private readonly id: string = randomUUID();
  private calls: number = 0;
  private failing: boolean = false;
  private pausedUntilMs: number = Number.NEGATIVE_INFINITY;
  private starting: Promise<void> | undefined = undefined;
  private unsubscribe: (() => MaybePromise<void>) | undefined = undefined;
  private cancelSave: Cancel | undefined = undefined;
  private closed: boolean = false;

  constructor(options: SharedReputationOptions) {
    this.options = options;
  }

  /** Its last call failed. */
  get isDown(): boolean {
    return this.failing;
  }

  /** Listens, and takes over what is blocked already. Never rejects. */
  start(): Promise<void> {
    this.starting ??= this.listen();
    return this.starting;
  }

  /** Adds points, and answers what all processes have counted; nothing where that is not known. */
  async count(key: string, strikes: number, points: number): Promise<number | undefined> {
    const amount = Math.round(points * PER_POINT);
    const value = await this.call(() => this.add(key, strikes, amount));
    return value === undefined ? undefined : value / PER_POINT;
  }

  /** Tells the others of a block. */
  blocked(block: Block): void {
    this.tell({ from: this.id, blocked: this.toShared(block) });
  }

  /** Tells the others that a block has been lifted, and takes back the points that count from now on. */
  lifted(key: string): void {
    this.tell({ from: this.id, lifted: key });
    void this.call(async () => {
      const value = await this.add(key, 0, 0);
      if (value > 0) await this.add(key, 0, -value);
    });
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (this.cancelSave !== undefined) {
      this.cancelSave();
      await this.save();
    }
    const { unsubscribe } = this;
    this.unsubscribe = undefined;
    try {
      await unsubscribe?.();
    } catch (error) {
      report(error, 'reputation bus');
    }
  }

  /** After each block there is another counter: all processes begin anew at once. */
  private async add(key: string, strikes: number, amount: number): Promise<number> {
    const { store, namespace, windowMs } = this.options;
    const counter = `${namespace}:points:${strikes}:${key}`;
    return (await store.add(counter, amount, windowMs, this.limits)).value;
  }

  private tell(message: Message): void {
    const { store, clock } = this.options;
    const data = Buffer.from(JSON.stringify(message));
    void this.call(() => store.publish(this.channel, data, this.limits));
    this.cancelSave ??= clock.after(SAVE_AFTER_MS, () => void this.save());
  }

  private async save(): Promise<void> {
    this.cancelSave = undefined;
    const { store, clock, held } = this.options;
    const listed = held().slice(0, MAX_LISTED);
    const leftMs = (listed[0]?.untilMs ?? 0) - clock.monotonicMs();
    const ttlMs = Math.min(Math.max(leftMs, SAVE_AFTER_MS), MAX_DELAY_MS);
    const data = Buffer.from(JSON.stringify(listed.map((block) => this.toShared(block))));
    await this.call(() => store.set(this.listKey, data, ttlMs, this.limits), true);
  }

  private async listen(): Promise<void> {
    const { store, onBlocked } = this.options;
    let listening = false;
    await this.call(async () => {
      this.unsubscribe ??= await store.subscribe(this.channel, ({ data }) => this.hear(data));
      if (this.closed) return this.unsubscribe();
      const list = await store.get(this.listKey, this.limits);
      for (const block of list === undefined ? [] : (parse(list) as readonly SharedBlock[])) {
        onBlocked(this.fromShared(block));
      }
      listening = true;
    }, true);
    // Tried again with the next call.
    if (!listening) this.starting = undefined;
  }

  private hear(data: Uint8Array): void {
    const message = parse(data) as Message;
    if (message.from === this.id) return;
    if ('blocked' in message) this.options.onBlocked(this.fromShared(message.blocked));
    else this.options.onLifted(message.lifted);
  }

  /**
   * What the store answers; nothing where it fails, or is left alone because it has. The start and
   * the list are rare, and asked for whatever else is under way.
   */
  private async call<T>(
    ask: () => MaybePromise<T>,
    isRare: boolean = false,
  ): Promise<T | undefined> {
    const { clock } = this.options;
    if (clock.monotonicMs() < this.pausedUntilMs) return undefined;
    if (!isRare) {
      if (this.calls >= MAX_CALLS) return undefined;
      void this.start();
    }
    this.calls++;
    try {
      const answer = await this.inTime(ask());
      this.failing = false;
      return answer;
    } catch (error) {
      this.failuresTotal++;
      if (!this.failing) report(error, 'reputation store');
      this.failing = true;
      this.pausedUntilMs = clock.monotonicMs() + PAUSE_MS;
      return undefined;
    } finally {
      this.calls--;
    }
  }

  /** A store should keep the time limit itself; of one that does not the calls would add up. */
  private async inTime<T>(answer: MaybePromise<T>): Promise<T> {
    if (!(answer instanceof Promise)) return answer;
    const { clock, timeoutMs } = this.options;
    let cancel: Cancel = () => undefined;
    const late = new Promise<never>((_resolve, reject) => {
      cancel = clock.after(timeoutMs, () => reject(storeTimeout('the reputation', timeoutMs)));
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      cancel();
    }
  }

  private toShared({ untilMs, ...block }: Block): SharedBlock {
    const { clock } = this.options;
    return { ...block, untilAt: clock.now() + untilMs - clock.monotonicMs() };
  }

  private fromShared({ untilAt, ...block }: SharedBlock): Block {
    const { clock } = this.options;
    return { ...block, untilMs: clock.monotonicMs() + untilAt - clock.now() };
  }

  private get limits(): { readonly timeoutMs: number } {
    return { timeoutMs: this.options.timeoutMs };
  }

  private get channel(): string {
    return `${this.options.namespace}:blocks`;
  }

  private get listKey(): string {
    return `${this.options.namespace}:blocks`;
  }
}

function parse(data: Uint8Array): unknown {
  return JSON.parse(Buffer.from(data).toString());
}
