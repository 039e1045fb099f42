/** Who still uses which version: what has to be known before one can end. Bounded, and without secrets. */

/** The use of one version. */
export interface VersionUsage {
  readonly version: string;
  /** Requests, those that were refused in a brownout or after the sunset included. */
  readonly requestsTotal: number;
  /** When it was asked for last, in ms since the epoch; absent if never. */
  readonly lastAt: number | undefined;
  /** Those who asked, the busiest first, as far as they are counted. */
  readonly consumers: readonly ConsumerUsage[];
  /** Requests of consumers that are not, or no longer, among them. */
  readonly othersTotal: number;
}

/** The use of a version by one consumer. */
export interface ConsumerUsage {
  /** What `consumer` answered, the principal, or a hash of the credentials. */
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
  private consumers: Map<string, Counter> = new Map();
  private readonly version: string;
  private readonly maxConsumers: number;

  constructor(version: string, maxConsumers: number) {
    this.version = version;
    this.maxConsumers = maxConsumers;
  }

  note(nowAt: number): void {
    this.requestsTotal++;
    this.lastAt = nowAt;
  }

  /** Whose one of the requests was that have been noted. */
  noteConsumer(consumer: string, nowAt: number): void {
    const known = this.consumers.get(consumer);
    if (known !== undefined) {
      known.requestsTotal++;
      known.lastAt = nowAt;
    } else if (this.maxConsumers === 0) {
      this.othersTotal++;
    } else {
      if (this.consumers.size >= this.maxConsumers) this.makeRoom();
      this.consumers.set(consumer, { requestsTotal: 1, lastAt: nowAt });
    }
  }

  snapshot(): VersionUsage {
    return {
      version: this.version,
      requestsTotal: this.requestsTotal,
      lastAt: this.lastAt,
      consumers: this.busiestFirst().map(([consumer, { requestsTotal, lastAt }]) => ({
        consumer,
        requestsTotal,
        lastAt,
      })),
      othersTotal: this.othersTotal,
    };
  }

  /**
   * The less busy half goes: whoever sends made-up keys drives out the like of them, and not
   * those who really use the version. Half of them, so that it is seldom.
   */
  private makeRoom(): void {
    const sorted = this.busiestFirst();
    const kept = Math.floor(this.maxConsumers / 2);
    for (const [, { requestsTotal }] of sorted.slice(kept)) this.othersTotal += requestsTotal;
    this.consumers = new Map(sorted.slice(0, kept));
  }

  /** Of those who asked as often, who asked last comes first. */
  private busiestFirst(): [string, Counter][] {
    return [...this.consumers].toSorted(
      ([, one], [, other]) => other.requestsTotal - one.requestsTotal || other.lastAt - one.lastAt,
    );
  }
}
