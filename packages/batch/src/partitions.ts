/**
 * Whose loads may share a batch. A batch function sees one caller, one tenant and one
 * transaction at a time: whoever it asks can go by them as if each had asked alone.
 */
import type { Credentials, Exchange } from '@org/core';

import type { BatcherOptions } from './batcher-options.ts';
import { Lane } from './lane.ts';
import type { FindLane } from './loader.ts';
import type { Traffic } from './traffic.ts';

export class Partitions<K, V> {
  private readonly options: Readonly<BatcherOptions<K>>;
  private readonly credentials: Credentials;
  private readonly traffic: Traffic<K, V>;
  /** Those that have something to do; the others are not kept. */
  private readonly lanes: Map<string, Lane<K, V>> = new Map();
  private readonly transactions: WeakMap<object, number> = new WeakMap();
  private transactionCount: number = 0;

  constructor(
    options: Readonly<BatcherOptions<K>>,
    credentials: Credentials,
    traffic: Traffic<K, V>,
  ) {
    this.options = options;
    this.credentials = credentials;
    this.traffic = traffic;
  }

  /** How many have something to do. */
  get size(): number {
    return this.lanes.size;
  }

  /** Finds the lane of an exchange; who the caller is, is looked at once. */
  finder(exchange: Exchange, transaction: object | undefined): FindLane<K, V> {
    const key = this.keyOf(exchange, transaction);
    let alone: Lane<K, V> | undefined;
    return () => {
      const known = this.lanes.get(key);
      if (known !== undefined) return known;
      if (this.lanes.size >= this.options.maxPartitions) {
        return (alone ??= new Lane(this.traffic, this.options.cache));
      }
      const lane: Lane<K, V> = new Lane(this.traffic, this.options.cache, () => {
        this.lanes.delete(key);
      });
      this.lanes.set(key, lane);
      return lane;
    };
  }

  private keyOf(exchange: Exchange, transaction: object | undefined): string {
    const tenant = this.options.tenant?.(exchange);
    // The parts before the tenant, which is anybody's text, have no bar in them.
    return `${this.callerOf(exchange)}|${this.numberOf(transaction)}|${tenant === undefined ? '' : `=${tenant}`}`;
  }

  private callerOf(exchange: Exchange): string {
    const { credentials } = this;
    const { partition } = this.options;
    if (partition !== undefined) return credentials.partOf(exchange, partition) ?? '';
    const principal = credentials.partOf(exchange, 'principal');
    if (principal !== undefined) return `principal ${principal}`;
    return credentials.partOf(exchange, 'credentials') ?? '';
  }

  private numberOf(transaction: object | undefined): number {
    if (transaction === undefined) return 0;
    let number = this.transactions.get(transaction);
    if (number === undefined) {
      number = ++this.transactionCount;
      this.transactions.set(transaction, number);
    }
    return number;
  }
}
