/**
 * Whom the watch hears: `@org/db` by its diagnostics channel, pools and clients that it is given, and
 * whoever tells it. The channel is the process', so that each watch takes from it what belongs to
 * requests of its own, and what belongs to none.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';
import { type Clock, type Exchange, OptionError, report } from '@org/core';

import { QUERY_CHANNEL, type QueryRecord } from './query-record.ts';
import type { StatementWatch } from './statement-watch.ts';
import { watched } from './watched.ts';
import type { Listener, Queryable } from './watched-query.ts';

export class Hearing implements Listener {
  readonly clock: Clock;
  private readonly statements: StatementWatch;
  private readonly context: AsyncLocalStorage<Exchange> = new AsyncLocalStorage();
  private readonly targets: Map<Queryable, () => void> = new Map();
  /** Held until the end: Node 20 forgets the subscribers of a channel that was collected. */
  private readonly events: ReturnType<typeof channel> = channel(QUERY_CHANNEL);
  private readonly heard: (message: unknown) => void;
  private state: 'new' | 'listening' | 'closed' = 'new';

  constructor(statements: StatementWatch, clock: Clock) {
    this.statements = statements;
    this.clock = clock;
    this.heard = (message) => {
      const told = message as QueryRecord;
      if (told.exchange === undefined || statements.owns(told.exchange)) this.hear(told);
    };
  }

  /** From here on `@org/db` is heard. */
  listen(): void {
    if (this.state !== 'new') return;
    this.state = 'listening';
    this.events.subscribe(this.heard);
  }

  /** A request comes by: its statements are this watch's. */
  enter(exchange: Exchange): void {
    if (this.state !== 'listening') {
      if (this.state === 'closed') return;
      this.listen();
    }
    this.statements.own(exchange);
    // Who has `@org/db` pays for no context.
    if (this.targets.size > 0) this.context.enterWith(exchange);
  }

  /** @throws OptionError for what has no `query` */
  watch(target: Queryable): void {
    if (typeof (target as Partial<Queryable> | null | undefined)?.query !== 'function') {
      throw new OptionError('query.watch', [
        'takes something with query(text, …): a pool or a client of pg, or a PGlite.',
      ]);
    }
    if (this.state === 'closed' || this.targets.has(target)) return;
    this.targets.set(target, watched(target, this));
  }

  /** The request that something is asked for now. */
  exchange(): Exchange | undefined {
    return this.context.getStore();
  }

  asks(exchange: Exchange | undefined, text: string): boolean {
    return exchange !== undefined && this.statements.asks(exchange, text);
  }

  /** Hears of a statement, and never throws: whoever tells of it has its own work to do. */
  hear(told: QueryRecord): void {
    try {
      this.record(told);
    } catch (error) {
      report(error, 'query record', told.exchange);
    }
  }

  record(told: QueryRecord): void {
    if (this.state !== 'closed') this.statements.add(told, told.exchange ?? this.exchange());
  }

  close(): void {
    this.state = 'closed';
    this.events.unsubscribe(this.heard);
    for (const end of this.targets.values()) end();
    this.targets.clear();
    this.context.disable();
  }
}
