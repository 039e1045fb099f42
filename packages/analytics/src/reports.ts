/** The reports: what is kept, folded into what people ask. */
import type { Application } from 'express';

import { type DeclaredRoute, declaredRoutes } from './declared-routes.ts';
import {
  addTo,
  EndpointNumbers,
  Endpoints,
  type EndpointsState,
  type Unrouted,
} from './endpoints.ts';
import { boundedEstimate, type Estimate, withFloor, type Withheld } from './estimate.ts';
import type { Latency } from './latency-sketch.ts';
import { type Bounds, consumersIn, endpointsIn } from './payloads.ts';
import { encodeCursor, iso, type Period, type Query } from './query.ts';
import type { Reader } from './reader.ts';
import { SpaceSaving, type SpaceSavingState } from './space-saving.ts';
import { floorTo, type Tier, TIER_MS } from './tiers.ts';

/** What every report says of itself. */
interface Told {
  readonly from: string;
  readonly to: string;
}

/** Numbers of an endpoint, or of several. */
export interface UseView {
  readonly requests: number;
  readonly clientErrors: number;
  readonly serverErrors: number;
  /** Server errors among requests. */
  readonly errorRatio: number;
  readonly aborted: number;
  readonly bytes: number;
  readonly latencyMs: Latency;
  /** Different consumers. */
  readonly consumers: Estimate | Withheld;
}

export interface EndpointView extends UseView {
  readonly method: string;
  readonly route: string;
}

export interface Summary extends Told, UseView {
  readonly step: Tier;
  /** Different endpoints that were asked for. */
  readonly endpoints: number;
  /** Requests for endpoints beyond `maxEndpoints`: they are counted above, but by no endpoint. */
  readonly overflowed: number;
  readonly unrouted: Unrouted;
  readonly upgrades: number;
  /** No more requests than this are missing above: what was given up on its way to the store. */
  readonly lost: number;
  /** Where the first row of the period begins; null where there is none. */
  readonly dataFrom: string | null;
  readonly series: readonly (UseView & { readonly at: string })[];
}

export interface Page<T> extends Told {
  readonly items: readonly T[];
  /** The query of the next page; null on the last one. */
  readonly next: string | null;
}

export interface EndpointsReport extends Page<EndpointView> {
  readonly overflowed: number;
  readonly lost: number;
}

export interface PopularReport extends Page<EndpointView & { readonly shareRatio: number }> {
  /** All requests for endpoints. */
  readonly requests: number;
  readonly lost: number;
}

export interface ConsumerView {
  readonly consumer: string;
  /** A network for one day, rather than somebody who is known. */
  readonly anonymous: boolean;
  readonly requests: Estimate;
  /** Answered 400 or more, since the consumer is watched: `atMost` are all its requests. */
  readonly errors: Estimate;
}

export interface ConsumersReport extends Page<ConsumerView> {
  /** All requests of consumers, listed or not. */
  readonly requests: number;
  /** Nobody who is not listed made more requests than this. */
  readonly unlistedAtMost: number;
}

/** What one consumer asked for; numbers too small to be shown are withheld, as those of a group are. */
export interface ConsumerUse {
  readonly requests: Estimate | Withheld;
  /** Answered 400 or more. */
  readonly errors: Estimate | Withheld;
}

export interface ConsumerReport extends Told, ConsumerUse {
  readonly consumer: string;
  readonly step: Tier;
  readonly series: readonly (ConsumerUse & { readonly at: string })[];
}

export interface UnusedReport extends Page<DeclaredRoute> {
  readonly declared: number;
  readonly unused: number;
  readonly dataFrom: string | null;
  /** Requests for endpoints beyond `maxEndpoints`: where there are any, an unused route may be among them. */
  readonly overflowed: number;
}

export interface ReportsOptions extends Bounds {
  readonly smallestGroup: number;
}

export class Reports {
  private readonly reader: Reader;
  private readonly options: ReportsOptions;

  constructor(reader: Reader, options: ReportsOptions) {
    this.reader = reader;
    this.options = options;
  }

  async summary(query: Query): Promise<Summary> {
    const { fromAt, toAt, step } = query;
    const whole = new Endpoints(this.options.maxEndpoints);
    const steps = new Map<number, Sum>();
    let firstAt: number | undefined;
    for await (const { row } of this.reader.rows('endpoints', fromAt, toAt, step)) {
      const state = endpointsIn(row);
      if (state === undefined) continue;
      firstAt = Math.min(firstAt ?? row.startAt, row.startAt);
      whole.merge(state);
      const at = floorTo(row.startAt, TIER_MS[step]);
      let sum = steps.get(at);
      if (sum === undefined) steps.set(at, (sum = new Sum()));
      sum.merge(state);
    }
    const series: (UseView & { at: string })[] = [];
    for (let at = fromAt; at < toAt; at += TIER_MS[step]) {
      series.push({ at: iso(at), ...this.use(steps.get(at) ?? new Sum()) });
    }
    const sum = new Sum();
    sum.merge(whole.state());
    return {
      ...told(query),
      step,
      ...this.use(sum),
      endpoints: [...whole.all()].length,
      overflowed: whole.others?.requests ?? 0,
      unrouted: whole.unrouted,
      upgrades: whole.upgrades,
      lost: whole.lost,
      dataFrom: firstAt === undefined ? null : iso(firstAt),
      series,
    };
  }

  /** By route and method. */
  async endpoints(query: Query): Promise<EndpointsReport> {
    const { endpoints } = await this.fold(query);
    const ordered = [...endpoints.all()].toSorted(byName);
    const page = cut('endpoints', query, ordered, ({ route, method }) => [route, method]);
    return {
      ...page,
      overflowed: endpoints.others?.requests ?? 0,
      lost: endpoints.lost,
      items: page.items.map((one) => this.endpoint(one)),
    };
  }

  /** The most used first. */
  async popular(query: Query): Promise<PopularReport> {
    const { endpoints } = await this.fold(query);
    const ordered = [...endpoints.all()].toSorted(
      (one, other) => other.requests - one.requests || byName(one, other),
    );
    const requests = ordered.reduce(
      (sum, one) => sum + one.requests,
      endpoints.others?.requests ?? 0,
    );
    const page = cut('popular', query, ordered, (one) => [-one.requests, one.route, one.method]);
    return {
      ...page,
      requests,
      lost: endpoints.lost,
      items: page.items.map((one) => ({
        ...this.endpoint(one),
        shareRatio: ratio(one.requests, requests),
      })),
    };
  }

  /** Those of the most requests first; nobody of fewer than the smallest group. */
  async consumers(query: Query): Promise<ConsumersReport> {
    const { fromAt, toAt } = query;
    const summary = new SpaceSaving(this.options.maxConsumers);
    for await (const { row, erased } of this.reader.rows('consumers', fromAt, toAt, 'day')) {
      const state = consumersIn(row, erased);
      if (state !== undefined) summary.merge(state);
    }
    const { smallestGroup } = this.options;
    const all = summary.hitters();
    const shown = all.filter(({ count, over }) => count - over >= smallestGroup);
    const unlisted = all.find(({ count, over }) => count - over < smallestGroup);
    // How few exactly is not told either.
    const unlistedCount = unlisted === undefined ? 0 : Math.max(unlisted.count, smallestGroup - 1);
    const page = cut('consumers', query, shown, ({ count, key }) => [-count, key]);
    return {
      ...page,
      requests: summary.total,
      unlistedAtMost: Math.max(summary.unwatched, unlistedCount),
      items: page.items.map(({ key, count, over, failures }) => ({
        consumer: key,
        anonymous: key.startsWith('n-'),
        requests: boundedEstimate(count, count - over, count),
        errors: boundedEstimate(failures, failures, Math.min(count, failures + over)),
      })),
    };
  }

  /** One of them, also where it is not among the most frequent: the bounds tell what may be missing. */
  async consumer(id: string, query: Query): Promise<ConsumerReport> {
    const { fromAt, toAt, step } = query;
    const whole = new Sightings(id);
    const steps = new Map<number, Sightings>();
    for await (const { row, erased } of this.reader.rows('consumers', fromAt, toAt, step)) {
      const state = consumersIn(row, erased);
      if (state === undefined) continue;
      const at = floorTo(row.startAt, TIER_MS[step]);
      let part = steps.get(at);
      if (part === undefined) steps.set(at, (part = new Sightings(id)));
      for (const sightings of [whole, part]) sightings.add(state);
    }
    const { smallestGroup } = this.options;
    const series: (ConsumerUse & { at: string })[] = [];
    for (let at = fromAt; at < toAt; at += TIER_MS[step]) {
      const part = steps.get(at) ?? new Sightings(id);
      series.push({ at: iso(at), ...part.use(smallestGroup) });
    }
    return { ...told(query), consumer: id, step, ...whole.use(smallestGroup), series };
  }

  /** Routes of the app that nobody asked for. */
  async unused(query: Query, app: Application): Promise<UnusedReport> {
    const { endpoints, firstAt } = await this.fold(query);
    const used = new Set<string>();
    for (const { method, route } of endpoints.all()) {
      used.add(`${method} ${route}`);
      used.add(`* ${route}`);
      // RFC 9110 §9.3.2: where there is no route for HEAD, that for GET answers it.
      if (method === 'HEAD') used.add(`GET ${route}`);
    }
    const declared = declaredRoutes(app);
    const unused = declared
      .filter(({ method, route }) => !used.has(`${method} ${route}`))
      .toSorted(byName);
    return {
      ...cut('unused', query, unused, ({ route, method }) => [route, method]),
      declared: declared.length,
      unused: unused.length,
      dataFrom: firstAt === undefined ? null : iso(firstAt),
      overflowed: endpoints.others?.requests ?? 0,
    };
  }

  private async fold({
    fromAt,
    toAt,
  }: Period): Promise<{ readonly endpoints: Endpoints; readonly firstAt: number | undefined }> {
    const endpoints = new Endpoints(this.options.maxEndpoints);
    let firstAt: number | undefined;
    for await (const { row } of this.reader.rows('endpoints', fromAt, toAt, 'day')) {
      const state = endpointsIn(row);
      if (state === undefined) continue;
      firstAt = Math.min(firstAt ?? row.startAt, row.startAt);
      endpoints.merge(state);
    }
    return { endpoints, firstAt };
  }

  private endpoint(numbers: EndpointNumbers): EndpointView {
    const { method, route } = numbers;
    return { method, route, ...this.use(numbers) };
  }

  private use(numbers: EndpointNumbers): UseView {
    const { requests, clientErrors, serverErrors, aborted, bytes } = numbers;
    return {
      requests,
      clientErrors,
      serverErrors,
      errorRatio: ratio(serverErrors, requests),
      aborted,
      bytes,
      latencyMs: numbers.latency.latency(),
      consumers: withFloor(numbers.consumers.estimate(), this.options.smallestGroup),
    };
  }
}

/** All endpoints as one; who asked for several of them is counted once. */
class Sum extends EndpointNumbers {
  constructor() {
    super('*', '*');
  }

  merge({ endpoints, others, consumers }: EndpointsState): void {
    for (const one of endpoints) addTo(this, one);
    if (others !== null) addTo(this, others);
    this.consumers.merge(consumers);
  }
}

/** How often one consumer was seen, and how often it may have been without being seen. */
class Sightings {
  private readonly id: string;
  private count: number = 0;
  private over: number = 0;
  private failures: number = 0;
  private unseen: number = 0;

  constructor(id: string) {
    this.id = id;
  }

  add({ hitters, unwatched }: SpaceSavingState): void {
    const hitter = hitters.find(([id]) => id === this.id);
    if (hitter === undefined) {
      this.unseen += unwatched;
      return;
    }
    const [, count, over, failures] = hitter;
    this.count += count;
    this.over += over;
    this.failures += failures;
  }

  use(smallestGroup: number): ConsumerUse {
    const { count, over, failures, unseen } = this;
    const atMost = count + unseen;
    const mayHaveFailed = Math.min(atMost, failures + over + unseen);
    return {
      requests: withFloor(boundedEstimate(count, count - over, atMost), smallestGroup),
      errors: withFloor(boundedEstimate(failures, failures, mayHaveFailed), smallestGroup),
    };
  }
}

function told({ fromAt, toAt }: Period): Told {
  return { from: iso(fromAt), to: iso(toAt) };
}

/** Cuts a page out of what is in the order of its keys: it begins behind the key where the last one ended. */
function cut<T>(
  report: string,
  query: Query,
  ordered: readonly T[],
  keyOf: (one: T) => readonly (string | number)[],
): Page<T> {
  const { after, limit } = query;
  const rest =
    after === undefined ? ordered : ordered.filter((one) => compare(keyOf(one), after) > 0);
  const items = rest.slice(0, limit);
  const last = rest.length > limit ? items.at(-1) : undefined;
  return {
    ...told(query),
    items,
    next:
      last === undefined
        ? null
        : `?limit=${limit}&cursor=${encodeCursor(report, query, keyOf(last))}`,
  };
}

function compare(one: readonly (string | number)[], other: readonly (string | number)[]): number {
  for (const [at, part] of one.entries()) {
    const against = other[at] ?? '';
    if (part < against) return -1;
    if (part > against) return 1;
  }
  return 0;
}

function byName(one: DeclaredRoute, other: DeclaredRoute): number {
  return compare([one.route, one.method], [other.route, other.method]);
}

/** To four digits behind the point. */
function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 10_000) / 10_000;
}
