/** One stored answer: its head, its identity body, its codings, and when it may be used. */
import type { Representation } from './representation.ts';
import type { FlatHeaders } from './stored-headers.ts';

/** What a stored answer is made of. Times in ms; `…At` since the epoch, `bornMs` monotonic. */
export interface EntryInit {
  /** Its key without `Vary`, and the values of the fields that `Vary` names. */
  readonly key: string;
  readonly vary: readonly string[];
  readonly varyKey: string;
  readonly status: number;
  readonly headers: FlatHeaders;
  readonly body: Buffer;
  readonly etag: string | undefined;
  /** When the content changed last, as far as is known: Last-Modified, or when it was made (RFC 9111 §4.3.2). */
  readonly modifiedAt: number;
  readonly lastModified: string | undefined;
  readonly dateAt: number;
  /** When its age was 0. */
  readonly bornMs: number;
  readonly lifetimeMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  readonly mustValidate: boolean;
  readonly mayBeStale: boolean;
  /** For everybody, whoever asks. */
  readonly shared: boolean;
  /** The tags by which it is invalidated, its address among them. */
  readonly tags: readonly string[];
  /** What the invalidations counted when the application was asked for it. */
  readonly stamp: number;
  /** The pattern of the route that answered. */
  readonly route: string | undefined;
  /** It may be kept and sent in content codings. */
  readonly codable: boolean;
}

/** Maps, links and times around a body, in bytes. An estimate. */
const OVERHEAD_BYTES = 600;

/** A stored answer. Immutable but for its lifetime, which an invalidation may end, and for what it learns. */
export class Entry {
  readonly init: Readonly<EntryInit>;
  readonly status: number;
  readonly body: Buffer;
  readonly bornMs: number;
  readonly shared: boolean;
  readonly mustValidate: boolean;
  lifetimeMs: number;
  /** The invalidations that it has been compared with. */
  checkedEpoch: number;
  /** Hits since it was stored or confirmed. */
  hits: number = 0;
  /** A refresh is not tried again before, in monotonic ms. */
  refreshAfterMs: number = Number.NEGATIVE_INFINITY;
  /** How it is sent, by coding; `undefined` says that a coding saves nothing. */
  readonly representations: Map<string, Representation | undefined> = new Map();

  constructor(init: EntryInit) {
    this.init = init;
    this.status = init.status;
    this.body = init.body;
    this.bornMs = init.bornMs;
    this.shared = init.shared;
    this.mustValidate = init.mustValidate;
    this.lifetimeMs = init.lifetimeMs;
    this.checkedEpoch = init.stamp;
  }

  ageMs(nowMs: number): number {
    return Math.max(0, nowMs - this.bornMs);
  }

  /** What it takes of the memory: body, head, codings. */
  get bytes(): number {
    const { key, varyKey, headers, tags } = this.init;
    let total = OVERHEAD_BYTES + this.body.length + 2 * (key.length + varyKey.length);
    for (const text of headers) total += 2 * text.length;
    for (const tag of tags) total += 2 * tag.length;
    for (const coded of this.representations.values()) {
      if (coded !== undefined && coded.body !== this.body) total += coded.bytes;
    }
    return total;
  }

  /** Ends its lifetime now: it may still be used as far as staleness is allowed. */
  expire(nowMs: number): void {
    this.lifetimeMs = Math.min(this.lifetimeMs, this.ageMs(nowMs));
  }
}
