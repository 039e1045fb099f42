/**
 * The connection to Redis: made when it is needed first, tried again for ever once it is lost, and
 * given up where it is made and nothing comes through it. Whether it is there is known at every
 * moment, so that no call waits for it; only those that come while it is made first do.
 */
import { type Cancel, type Clock, storeTimeout, within } from '@org/core';

import { isCluster, makeClient, retryDelayMs } from './client.ts';
import { type Nodes, nodesOf } from './nodes.ts';
import type { Client, Settings } from './options.ts';
import { Outage } from './outage.ts';

export class Link {
  readonly client: Client;
  readonly nodes: Nodes;
  readonly outage: Outage;
  connectionsTotal: number = 0;
  private readonly settings: Settings;
  private readonly clock: Clock;
  private isOpen: boolean = false;
  private server: string = '';
  private closed: boolean = false;
  private first: Promise<void> | undefined = undefined;
  private firstDone: () => void = () => undefined;
  private isFirst: boolean = true;
  private cancelWatch: Cancel | undefined = undefined;
  /** Since it last worked. */
  private attempts: number = 0;

  constructor(settings: Settings) {
    this.settings = settings;
    this.clock = settings.clock;
    this.outage = new Outage(settings.name);
    const { client, target, random } = settings;
    this.client =
      client ?? makeClient(settings, target!, () => retryDelayMs(++this.attempts, random));
    this.nodes = nodesOf(this.client, {
      ...settings,
      onAway: (error) => this.outage.begin(error),
      onBack: () => {
        if (this.isOpen) this.outage.end();
      },
    });
    for (const [event, listener] of this.events) this.client.on(event, listener);
  }

  /** Whether calls can be sent. */
  get isReady(): boolean {
    return this.isOpen;
  }

  /** Whether the first connection is still being made, or nobody has asked for it. */
  get isFirstAttempt(): boolean {
    return this.isFirst && !this.closed;
  }

  /** Tells one life of a single server from its next; empty for a cluster. */
  get serverId(): string {
    return this.server;
  }

  /** Connects. Resolves once it has worked or failed, at most after the time for a connection. */
  open(): Promise<void> {
    this.first ??= this.openFirst();
    return this.first;
  }

  close(): void {
    this.closed = true;
    this.isOpen = false;
    this.cancelWatch?.();
    this.nodes.dispose();
    this.endFirst();
    if (this.settings.client === undefined) {
      this.client.disconnect();
      return;
    }
    for (const [event, listener] of this.events) this.client.off(event, listener);
  }

  private readonly events: readonly (readonly [string, (error: unknown) => void])[] = [
    ['connect', (): void => this.watch()],
    ['ready', (): void => void this.becomeReady()],
    ['close', (): void => this.lost(new Error('The connection is closed.'))],
    ['end', (): void => this.lost(new Error('The connection has ended.'))],
    ['error', (error: unknown): void => this.lost(error)],
    ['node error', (error: unknown): void => this.lastError(error)],
  ];

  private async openFirst(): Promise<void> {
    const { connectTimeoutMs } = this.settings;
    const done = new Promise<void>((resolve) => (this.firstDone = resolve));
    const { client } = this;
    if (client.status === 'ready') void this.becomeReady();
    else if (client.status === 'wait') client.connect().catch(() => undefined);
    if (!(await within(connectTimeoutMs, this.clock, () => done)))
      this.outage.begin(this.notReady());
    this.endFirst();
  }

  private endFirst(): void {
    this.isFirst = false;
    this.firstDone();
  }

  private async becomeReady(): Promise<void> {
    const { connectTimeoutMs } = this.settings;
    try {
      const greeted = await within(connectTimeoutMs, this.clock, async () => {
        this.server = await this.nodes.greet();
      });
      if (!greeted) throw storeTimeout('the first call', connectTimeoutMs);
    } catch (error) {
      this.outage.begin(error);
      if (this.client.status === 'ready' && !this.closed) this.client.disconnect(true);
      return;
    }
    this.cancelWatch?.();
    if (this.closed || this.client.status !== 'ready') return;
    this.isOpen = true;
    this.attempts = 0;
    this.connectionsTotal++;
    this.nodes.renew();
    this.outage.end();
    this.endFirst();
  }

  /** A connection that is made may yet never become ready. */
  private watch(): void {
    this.cancelWatch?.();
    this.cancelWatch = this.clock.after(this.settings.connectTimeoutMs, () => {
      if (this.isOpen || this.closed) return;
      this.outage.begin(this.notReady());
      this.client.disconnect(true);
    });
  }

  private notReady(): Error {
    return new Error(`Redis was not ready within ${this.settings.connectTimeoutMs} ms.`);
  }

  private lost(error: unknown): void {
    if (this.client.status === 'ready') return;
    this.isOpen = false;
    this.cancelWatch?.();
    if (this.closed) return;
    this.outage.begin(error);
    this.endFirst();
  }

  /** A node of a cluster: the others may still answer. */
  private lastError(error: unknown): void {
    if (!this.isOpen && !this.closed && isCluster(this.client)) this.outage.begin(error);
  }
}
