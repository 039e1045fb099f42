/**
 * Where things are in Redis. The version in each key is that of this layout: another one begins
 * anew beside it, so that two versions of a service may run at once while one replaces the other.
 */

/** Of the layout and of what is in it. */
const LAYOUT = 'v1';

/** The keys of one store. */
export class Keys {
  private readonly values: string;
  private readonly tags: string;
  private readonly counters: string;
  private readonly sliding: string;
  private readonly sequences: string;
  private readonly streams: string;
  private readonly channels: string;

  constructor(prefix: string) {
    const base = `${prefix}:${LAYOUT}`;
    this.values = `${base}:value:`;
    this.tags = `${base}:tag:`;
    this.counters = `${base}:counter:`;
    this.sliding = `${base}:sliding:`;
    this.sequences = `${base}:sequence:`;
    this.streams = `${base}:stream:`;
    this.channels = `${base}:channel:`;
  }

  value(key: string): string {
    return this.values + key;
  }

  tag(tag: string): string {
    return this.tags + tag;
  }

  counter(key: string): string {
    return this.counters + key;
  }

  /** The slices of a counter that slides. */
  slidingCounter(key: string): string {
    return this.sliding + key;
  }

  /** What the last message of a channel was numbered. */
  sequence(channel: string): string {
    return this.sequences + channel;
  }

  /** The messages of a channel, where they are kept. */
  stream(channel: string): string {
    return this.streams + channel;
  }

  /** Not a key: what is published to. */
  channel(channel: string): string {
    return this.channels + channel;
  }
}
