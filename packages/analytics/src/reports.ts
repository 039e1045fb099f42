/** The reports: what is kept, folded into what people ask. */
import type { Application } from 'express';

import type { Period } from './cursor.ts';
import { declaredRoutes } from './declared-routes.ts';
import type {
  ConsumerReport,
  ConsumersReport,
  ConsumerUse,
  EndpointsReport,
  EndpointView,
  Made,
  PopularReport,
  Summary,
  UnusedReport,
  UseView,
} from './documents.ts';
import { addTo, EndpointNumbers, Endpoints, type EndpointsState } from './endpoints.ts';
import { boundedEstimate, withFloor } from './estimate.ts';
import { byName, cut, told } from './page.ts';
import { type Bounds, consumersIn, endpointsIn } from './payloads.ts';
import { iso, type Query } from './query.ts';
import type { Reader } from './reader.ts';
import { Sightings } from './sightings.ts';
import { SpaceSaving } from './space-saving.ts';
import { floorTo, TIER_MS } from './tiers.ts';

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

  async summary(query: Query): Promise<Made<Summary>> {
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
  async endpoints(query: Query): Promise<Made<EndpointsReport>> {
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
  async popular(query: Query): Promise<Made<PopularReport>> {
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
  async consumers(query: Query): Promise<Made<ConsumersReport>> {
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
  async consumer(id: string, query: Query): Promise<Made<ConsumerReport>> {
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
  async unused(query: Query, app: Application): Promise<Made<UnusedReport>> {
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

/** To four digits behind the point. */
function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 10_000) / 10_000;
}
