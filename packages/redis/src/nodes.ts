/**
 * The servers behind a client, each with a breaker of its own: where one node of a cluster hangs,
 * calls to the others go on.
 */
import { type Clock, storeTimeout, within } from '@org/core';
import type { Cluster, Redis } from 'ioredis';

import { Breaker, type BreakerState } from './breaker.ts';
import { isCluster } from './client.ts';
import { slotOf } from './key-slot.ts';
import type { Client } from './options.ts';

export interface NodesSettings {
  /** A client of the user's. */
  readonly client: Client | undefined;
  readonly breakerFailures: number;
  readonly breakerOpenMs: number;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
  /** A server has stopped answering. */
  readonly onAway: (error: unknown) => void;
  /** All of them answer again. */
  readonly onBack: () => void;
}

/** Probes that fail in a row until the connection itself is taken for dead. */
const PROBES_PER_CONNECTION = 3;

/** The most calls of one write. */
const MOST_GATHERED = 100;

export abstract class Nodes {
  openedTotal: number = 0;
  protected readonly settings: NodesSettings;
  private gathered: number = 0;
  private corked: readonly (Redis['stream'] | undefined)[] = [];

  constructor(settings: NodesSettings) {
    this.settings = settings;
  }

  /** The breaker of the server that has a key. */
  abstract breakerOf(key: string): Breaker;

  abstract all(): ReadonlyMap<string, Breaker>;

  protected abstract connections(): readonly Redis[];

  /**
   * Called once the client is ready: rejects where it is not. Answers what tells the life of a
   * single server from its next one, and nothing of a cluster, whose nodes are asked by scripts.
   */
  abstract greet(): Promise<string>;

  /** The states of those that are not closed. */
  troubled(): readonly (readonly [node: string, state: BreakerState])[] {
    return [...this.all()].flatMap(([node, { state }]) =>
      state === 'closed' ? [] : [[node, state] as const],
    );
  }

  /**
   * Before a call is sent: those of one turn go out in one write of each connection, which is one
   * system call instead of one for each; many go out piece by piece, so that Redis begins meanwhile.
   */
  gather(): void {
    if (this.gathered === MOST_GATHERED) this.flush();
    if (this.gathered++ > 0) return;
    this.corked = this.connections().map(({ stream }) => stream);
    for (const stream of this.corked) stream?.cork();
    process.nextTick(() => this.flush());
  }

  /** A new connection: what was known of the old one does not count. */
  renew(): void {
    for (const breaker of this.all().values()) breaker.close();
  }

  dispose(): void {
    for (const breaker of this.all().values()) breaker.dispose();
  }

  private flush(): void {
    for (const stream of this.corked) stream?.uncork();
    this.corked = [];
    this.gathered = 0;
  }

  /** @param ping rejects where a server does not answer; `drop` gives its connection up */
  protected make(ping: () => Promise<unknown>, drop: () => void): Breaker {
    const { breakerFailures, breakerOpenMs, timeoutMs, clock, onAway, onBack } = this.settings;
    let failed = 0;
    return new Breaker({
      failures: breakerFailures,
      openMs: breakerOpenMs,
      clock,
      async probe() {
        try {
          if (!(await within(timeoutMs, clock, ping))) throw storeTimeout('a probe', timeoutMs);
          failed = 0;
        } catch (error) {
          // One that nothing comes through any more looks the same as a server that hangs.
          if (++failed % PROBES_PER_CONNECTION === 0) drop();
          throw error;
        }
      },
      onOpen: (error) => {
        this.openedTotal++;
        onAway(error);
      },
      onClose: () => {
        failed = 0;
        if (this.troubled().length === 0) onBack();
      },
    });
  }
}

/** The one server of a plain client. */
export class SingleNode extends Nodes {
  private readonly client: Redis;
  private readonly breaker: Breaker;
  private readonly only: ReadonlyMap<string, Breaker>;

  constructor(client: Redis, settings: NodesSettings) {
    super(settings);
    this.client = client;
    this.breaker = this.make(
      async () => {
        if (client.status !== 'ready') throw new Error('There is no connection.');
        await client.ping();
      },
      () => {
        if (client.status === 'ready') client.disconnect(true);
      },
    );
    this.only = new Map([['server', this.breaker]]);
  }

  breakerOf(): Breaker {
    return this.breaker;
  }

  all(): ReadonlyMap<string, Breaker> {
    return this.only;
  }

  protected connections(): readonly Redis[] {
    return [this.client];
  }

  async greet(): Promise<string> {
    const info = await this.client.info();
    // Its name may soon stand for another one; the connections of a user's client are the user's.
    if (this.settings.client === undefined && /^role:slave/m.test(info)) {
      throw new Error('This server is a replica, which takes no writes.');
    }
    return /^run_id:(\w+)/m.exec(info)?.[1] ?? 'unknown';
  }
}

/** The nodes of a cluster, by their address. */
export class ClusterNodes extends Nodes {
  private readonly client: Cluster;
  private readonly prefix: string;
  private readonly breakers: Map<string, Breaker> = new Map();

  constructor(client: Cluster, settings: NodesSettings) {
    super(settings);
    this.client = client;
    this.prefix = client.options.keyPrefix ?? '';
    // A connection takes a while, and no call waits for one: they are made as soon as nodes are known.
    // Before it is ready, the client asks nodes that are not being connected already.
    client.on('+node', this.onNode);
  }

  breakerOf(key: string): Breaker {
    const node = this.client.slots[slotOf(this.prefix + key)]?.[0] ?? 'unknown';
    return this.breakers.get(node) ?? this.begin(node);
  }

  all(): ReadonlyMap<string, Breaker> {
    return this.breakers;
  }

  protected connections(): readonly Redis[] {
    return this.client.nodes();
  }

  async greet(): Promise<string> {
    const { connectTimeoutMs, clock } = this.settings;
    const connecting = this.client.nodes().map((node) => connected(node));
    // One that cannot be reached must not keep calls from the others.
    await within(connectTimeoutMs / 2, clock, () => Promise.all(connecting));
    return '';
  }

  override dispose(): void {
    super.dispose();
    this.client.off('+node', this.onNode);
  }

  private readonly onNode = (node: Redis): void => {
    if (this.client.status === 'ready') void connected(node);
  };

  private begin(node: string): Breaker {
    this.forgetGone();
    const breaker = this.make(
      async () => {
        this.client.refreshSlotsCache();
        const connection = this.find(node);
        if (connection !== undefined) await connection.ping();
        // After a failover its slots are another's, with a breaker of its own.
        else if (this.isInUse(node)) throw new Error(`There is no connection to ${node}.`);
      },
      () => this.find(node)?.disconnect(),
    );
    this.breakers.set(node, breaker);
    return breaker;
  }

  private forgetGone(): void {
    for (const [node, breaker] of this.breakers) {
      if (this.isInUse(node) || this.find(node) !== undefined) continue;
      breaker.close();
      this.breakers.delete(node);
    }
  }

  private isInUse(node: string): boolean {
    return this.client.slots.some(([master]) => master === node);
  }

  private find(node: string): Redis | undefined {
    return this.client.nodes().find(({ options }) => `${options.host}:${options.port}` === node);
  }
}

/** The servers of a client. */
export function nodesOf(client: Client, settings: NodesSettings): Nodes {
  return isCluster(client) ? new ClusterNodes(client, settings) : new SingleNode(client, settings);
}

/** Waits for a node's connection, or for its failure. Never rejects. */
async function connected(node: Redis): Promise<void> {
  if (node.status === 'wait') await node.connect().catch(() => undefined);
}
