/**
 * The bridge to prom-client, an optional peer: what is measured here stands in its registry, where
 * values are made when it is asked, and the registry's own metrics stand on our page. It is known
 * by its methods alone, so that nobody has to install it.
 */
import { report } from '@org/core';

import { type Family, type Labels, prometheusName, sampleName } from './family.ts';
import { foreignFamily, type PromMetric, type PromValue } from './prom-family.ts';

/** What is used of a `Registry` of prom-client 15. */
export interface PromRegistry {
  registerMetric(metric: never): void;
  removeSingleMetric(name: string): void;
  getMetricsAsArray(): object[];
  readonly contentType?: string;
}

/** One of ours in a registry of theirs. */
class Mirror {
  /** In OpenMetrics the registry takes `_total` off, here as on its own counters. */
  name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: string;
  /** As it is registered, whatever becomes of the name. */
  readonly registered: string;
  private readonly find: (name: string) => Family | undefined;

  constructor(family: Family, find: (name: string) => Family | undefined) {
    this.registered = this.name = sampleName(family);
    this.help = family.help;
    this.type = family.kind;
    this.aggregator = family.kind === 'gauge' ? AGGREGATORS[family.merge] : 'sum';
    this.find = find;
  }

  async get(): Promise<PromMetric> {
    const { name, help, type, aggregator } = this;
    const family = this.find(this.registered);
    const values = family === undefined ? [] : valuesOf(family);
    return { name, help, type, aggregator, values };
  }

  /** What is measured here is not theirs to forget. */
  reset(): void {
    // Nothing.
  }
}

const AGGREGATORS = Object.freeze({ sum: 'sum', max: 'max', mean: 'average' });

export class PromBridge {
  private readonly registry: PromRegistry;
  private readonly collect: () => readonly Family[];
  private readonly mirrors: Map<string, Mirror> = new Map();
  private readonly failed: WeakSet<object> = new WeakSet();
  private snapshot: ReadonlyMap<string, Family> | undefined = undefined;

  /** @param collect what is measured here */
  constructor(registry: PromRegistry, collect: () => readonly Family[]) {
    this.registry = registry;
    this.collect = collect;
  }

  /** Registers the families that there are; those whose name somebody else has are left out. */
  register(families: readonly Family[]): void {
    for (const family of families) {
      const known = sampleName(family);
      if (this.mirrors.has(known)) continue;
      const mirror = new Mirror(family, (name) => this.find(name));
      try {
        this.registry.registerMetric(mirror as never);
        this.mirrors.set(known, mirror);
      } catch {
        // The name is taken: the application's own metric stands.
      }
    }
  }

  /** The registry's own metrics, ours left out. */
  async foreign(): Promise<readonly Family[]> {
    const own = new Set<object>(this.mirrors.values());
    const theirs = this.registry.getMetricsAsArray().filter((metric) => !own.has(metric));
    // What a registry adds to all of its metrics can only be asked for with values and all, ours included.
    const labels = (this.registry as { _defaultLabels?: Labels })._defaultLabels ?? {};
    // In OpenMetrics it takes `_total` off the names of its counters, and writes it in any case.
    const ending = this.registry.contentType?.startsWith('application/openmetrics-text') === true;
    const families = await Promise.all(
      theirs.map(async (metric) => {
        try {
          const found = await (metric as { get(): Promise<PromMetric> }).get();
          return foreignFamily(found, labels, ending);
        } catch (error) {
          // Its collect function has failed: the others are wanted all the same.
          if (!this.failed.has(metric)) report(error, 'metrics registry');
          this.failed.add(metric);
          return undefined;
        }
      }),
    );
    return families.filter((family) => family !== undefined);
  }

  close(): void {
    const theirs = new Set(this.registry.getMetricsAsArray());
    for (const mirror of this.mirrors.values()) {
      if (theirs.has(mirror)) this.registry.removeSingleMetric(mirror.registered);
    }
    this.mirrors.clear();
  }

  /** A registry asks for all of its metrics in one turn, which is answered from one look. */
  private find(name: string): Family | undefined {
    if (this.snapshot === undefined) {
      const families = this.collect();
      this.register(families);
      this.snapshot = new Map(families.map((family) => [sampleName(family), family]));
      queueMicrotask(() => (this.snapshot = undefined));
    }
    return this.snapshot.get(name);
  }
}

function valuesOf(family: Family): readonly PromValue[] {
  if (family.kind !== 'histogram') {
    return family.samples.map(({ labels, value }) => ({ labels: plain(labels), value }));
  }
  const name = prometheusName(family);
  return family.samples.flatMap(({ labels, counts, sum, exemplars }) => {
    const own = plain(labels);
    let upTo = 0;
    const buckets = counts.map((count, at): PromValue => {
      upTo += count;
      const exemplar = exemplars[at];
      return {
        metricName: `${name}_bucket`,
        labels: { ...own, le: family.bounds[at] ?? '+Inf' },
        value: upTo,
        exemplar:
          exemplar == null
            ? undefined
            : {
                labelSet: { trace_id: exemplar.traceId, span_id: exemplar.spanId },
                value: exemplar.value,
                timestamp: exemplar.at / 1000,
              },
      };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: own, value: sum },
      { metricName: `${name}_count`, labels: own, value: upTo },
    ];
  });
}

/** Labels by their names in Prometheus. */
function plain(labels: Labels): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [name.replaceAll(/[^a-zA-Z0-9_]/g, '_'), value]),
  );
}
