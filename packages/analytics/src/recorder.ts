/**
 * Counts requests into the cells of the current minute. A timer turns the minute, so that a
 * request never looks at the clock, and what the minute had becomes rows. An instance that comes
 * back writes under another name: its rows stand beside those of its former self, and add up.
 */
import { randomBytes } from 'node:crypto';
import type { Exchange } from '@org/core';

import type { Row } from './analytics-store.ts';
import type { Consumer } from './consumers.ts';
import { Endpoints } from './endpoints.ts';
import type { Bounds } from './payloads.ts';
import { SpaceSaving } from './space-saving.ts';
import { floorTo, MINUTE_MS } from './tiers.ts';

/** Rows of a minute, and how many requests they stand for. */
export interface Minute {
  readonly startAt: number;
  readonly requests: number;
  /** Earlier requests of which these rows tell that they are lost. */
  readonly lost: number;
  readonly rows: readonly Row[];
}

export class Recorder {
  requestsTotal: number = 0;
  /** Since this instance began, without the current minute. */
  readonly past: { readonly endpoints: Endpoints; readonly consumers: SpaceSaving };
  endpoints: Endpoints;
  consumers: SpaceSaving;
  private readonly bounds: Bounds;
  private readonly instance: string;
  private startAt: number;
  private writer: string;
  private revision: number = 0;
  private dirty: boolean = false;

  constructor(bounds: Bounds, instance: string, nowMs: number) {
    const { maxEndpoints, maxConsumers } = bounds;
    this.bounds = bounds;
    this.instance = instance;
    this.endpoints = new Endpoints(maxEndpoints);
    this.consumers = new SpaceSaving(maxConsumers);
    this.past = {
      endpoints: new Endpoints(maxEndpoints),
      consumers: new SpaceSaving(maxConsumers),
    };
    this.startAt = floorTo(nowMs, MINUTE_MS);
    this.writer = this.newWriter();
  }

  /** Counts a request that has ended. */
  record(exchange: Exchange, consumer: Consumer | undefined): void {
    const { endpoints } = this;
    const { req, res, route } = exchange;
    const status = exchange.aborted && !res.headersSent ? 0 : res.statusCode;
    this.requestsTotal++;
    this.dirty = true;
    if (route !== undefined) {
      const numbers = endpoints.of(req.method, route);
      numbers.count(exchange, status);
      if (consumer !== undefined) {
        numbers.consumers.add(consumer.high, consumer.low);
        if (consumer.countedIn !== endpoints) {
          consumer.countedIn = endpoints;
          endpoints.consumers.add(consumer.high, consumer.low);
        }
      }
    } else if (exchange.upgraded) {
      endpoints.upgrades++;
    } else {
      endpoints.countUnrouted(exchange, status);
    }
    if (consumer !== undefined) this.consumers.add(consumer.id, status >= 400);
  }

  /** Counts requests that had been counted, and never got where they are kept. */
  lose(requests: number): void {
    this.endpoints.lost += requests;
    this.dirty = true;
  }

  /** What the current minute has so far; nothing where that was answered already. */
  current(): Minute | undefined {
    if (!this.dirty) return undefined;
    this.dirty = false;
    this.revision++;
    const { startAt, writer, revision } = this;
    const row = (kind: 'endpoints' | 'consumers', state: object): Row => ({
      tier: 'minute',
      kind,
      startAt,
      writer,
      revision,
      payload: JSON.stringify(state),
    });
    return {
      startAt,
      requests: this.endpoints.requests,
      lost: this.endpoints.lost,
      rows: [row('endpoints', this.endpoints.state()), row('consumers', this.consumers.state())],
    };
  }

  /** Whether these rows are of the minute that is still being counted. */
  isIn({ rows: [row] }: Minute): boolean {
    return row!.startAt === this.startAt && row!.writer === this.writer;
  }

  /** Begins another minute; says how long, in ms, until the next turn. Call `current` before. */
  turn(nowMs: number): number {
    const startAt = floorTo(nowMs, MINUTE_MS);
    if (startAt !== this.startAt) {
      this.past.endpoints.merge(this.endpoints.state());
      this.past.consumers.merge(this.consumers.state());
      this.endpoints = new Endpoints(this.bounds.maxEndpoints);
      this.consumers = new SpaceSaving(this.bounds.maxConsumers);
      // The clock was set back: the minute may be there already, and must not be overwritten.
      if (startAt < this.startAt) this.writer = this.newWriter();
      this.startAt = startAt;
      this.revision = 0;
    }
    return startAt + MINUTE_MS - nowMs;
  }

  /** Forgets consumers, as far as this instance remembers them. */
  forget(ids: Iterable<string>): void {
    for (const id of ids) {
      if (this.consumers.remove(id) > 0) this.dirty = true;
      this.past.consumers.remove(id);
    }
  }

  /** What its rows go by. */
  get name(): string {
    return this.writer;
  }

  private newWriter(): string {
    return `${this.instance}.${randomBytes(6).toString('base64url')}`;
  }
}
