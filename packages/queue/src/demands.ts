/** What a request asks of the queue: how much, how urgently, for whom, and until when. */
import { addressOf, Credentials, type Exchange, type FindRoute, routeTable } from '@org/core';
import type { Request } from 'express';

import type { QueueOptions, RoutePolicy } from './options.ts';

/** What holds for a request besides what it says itself. */
export interface Policy {
  readonly cost: number | undefined;
  readonly rank: number | undefined;
  readonly maxWaitMs: number;
}

/** Reads demands. */
export class Demands {
  private readonly options: Readonly<QueueOptions>;
  private readonly find: FindRoute<Policy | false>;
  private readonly general: Policy;
  private readonly ranks: ReadonlyMap<string | undefined, number>;
  private readonly middleRank: number;
  private readonly credentials: Credentials;
  private readonly deadlineHeader: string | undefined;

  /** @throws OptionError for a pattern that is none */
  constructor(options: Readonly<QueueOptions>) {
    const { classes, routes, deadlineHeader } = options;
    this.options = options;
    this.ranks = new Map(classes.map((name, rank) => [name, rank]));
    this.middleRank = classes.length >> 1;
    this.general = this.policyOf({});
    const policies = Object.entries(routes).map(([pattern, own]) => [
      pattern,
      own === false ? false : this.policyOf(own),
    ]);
    this.find = routeTable('queue', Object.fromEntries(policies) as Record<string, Policy | false>);
    this.credentials = new Credentials(options);
    this.deadlineHeader = deadlineHeader?.toLowerCase();
  }

  /** What holds for a request; `false`: it is exempt. */
  policyFor({ req, internal }: Exchange): Policy | false {
    // The house's own: whoever makes them bounds them, and one that waited for a permit of the
    // request that waits for it would wait for ever.
    if (internal || this.options.exempt?.(req) === true) return false;
    return this.find(addressOf(req)) ?? this.general;
  }

  costOf(exchange: Exchange, policy: Policy): number {
    if (policy.cost !== undefined) return policy.cost;
    const { cost } = this.options;
    const given = cost === undefined ? exchange.cost : cost(exchange.req);
    return given >= 1 && given < Number.POSITIVE_INFINITY ? Math.ceil(given) : 1;
  }

  rankOf(req: Request, policy: Policy): number {
    if (policy.rank !== undefined) return policy.rank;
    const { priority } = this.options;
    if (priority === undefined) return this.middleRank;
    return this.ranks.get(priority(req)) ?? this.middleRank;
  }

  /** With whom a request takes turns. */
  accountOf(exchange: Exchange): string | undefined {
    return this.credentials.partOf(exchange, this.options.fairBy);
  }

  /** When the request is of no use any more, in monotonic ms. */
  deadlineMsOf(exchange: Exchange): number {
    const { deadlineMs, req, startMs } = exchange;
    if (this.deadlineHeader === undefined) return deadlineMs;
    const given = req.headers[this.deadlineHeader];
    // Whoever says nothing that can be understood waits as others do.
    if (typeof given !== 'string' || !/^\d{1,9}(?:\.\d{1,9})?$/.test(given)) return deadlineMs;
    return Math.min(deadlineMs, startMs + Number(given) * 1000);
  }

  private policyOf({ cost, priority, maxWaitMs = this.options.maxWaitMs }: RoutePolicy): Policy {
    return { cost, rank: this.ranks.get(priority), maxWaitMs };
  }
}
