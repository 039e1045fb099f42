/** Who still uses which version: what has to be known before one can end. Bounded, and without secrets. */

/** The use of one version. */
export interface VersionUsage {
  readonly version: string;
  readonly requestsTotal: number;
  /** When it was asked for last, in ms since the epoch; absent if never. */
  readonly lastAt: number | undefined;
  /** Those who asked, the busiest first, as far as they are counted. */
  readonly consumers: readonly ConsumerUsage[];
  /** Requests of consumers beyond those that are kept. */
  readonly othersTotal: number;
}

/** The use of a version by one consumer. */
export interface ConsumerUsage {
  /** The principal, or a hash of the credentials. */
  readonly consumer: string;
  readonly requestsTotal: number;
  readonly lastAt: number;
}

interface Counter {
  requestsTotal: number;
  lastAt: number;
}

/** The use of one version, being counted. */
export class Usage {
  requestsTotal: number = 0;
  private lastAt: number | undefined = undefined;
  private othersTotal: number = 0;
  private readonly consumers: Map<string, Counter> = new Map();
  private readonly version: string;
  private readonly maxConsumers: number;

  constructor(version: string, maxConsumers: number) {
    this.version = version;
    this.maxConsumers = maxConsumers;
  }

  note(): void {
    this.requestsTotal++;
  }

  /** One of the requests that were noted, by whom it came. */
  noteConsumer(consumer: string | undefined, nowAt: number): void {
    this.lastAt = nowAt;
    if (consumer === undefined) return;
    const known = this.consumers.get(consumer);
    if (known !== undefined) {
      known.requestsTotal++;
      known.lastAt = nowAt;
    } else if (this.consumers.size < this.maxConsumers) {
      this.consumers.set(consumer, { requestsTotal: 1, lastAt: nowAt });
    } else {
      this.othersTotal++;
    }
  }

  snapshot(): VersionUsage {
    return {
      version: this.version,
      requestsTotal: this.requestsTotal,
      lastAt: this.lastAt,
      consumers: [...this.consumers]
        .map(([consumer, { requestsTotal, lastAt }]) => ({ consumer, requestsTotal, lastAt }))
        .toSorted((one, other) => other.requestsTotal - one.requestsTotal),
      othersTotal: this.othersTotal,
    };
  }
}
