/** The last exchanges, bounded by their number and their size: the oldest go first. */
import type { ExchangeRecord, Replay } from './exchange-record.ts';
import type { ReplaySource, Seen } from './inspector.ts';

/** An exchange with what memory alone knows of its request; absent for one that came from a file. */
export interface Kept {
  readonly record: ExchangeRecord;
  readonly source: ReplaySource | undefined;
  readonly bytes: number;
}

/** How many replays of one exchange are kept. */
const MAX_REPLAYS = 3;

export class KeptExchanges {
  private readonly maxExchanges: number;
  private readonly maxBytes: number;
  private readonly byId: Map<string, Kept> = new Map();
  private lastId: number = 0;
  bytes: number = 0;
  droppedTotal: number = 0;

  constructor(maxExchanges: number, maxBytes: number) {
    this.maxExchanges = maxExchanges;
    this.maxBytes = maxBytes;
  }

  get size(): number {
    return this.byId.size;
  }

  add({ record, source }: Seen): ExchangeRecord {
    const made = { id: String(++this.lastId), ...record };
    this.put({ record: made, source, bytes: sizeOf(made, source) });
    return made;
  }

  /** Takes back what a file has kept, oldest first. */
  restore(records: readonly ExchangeRecord[]): void {
    for (const record of records) {
      this.lastId = Math.max(this.lastId, Number(record.id));
      this.put({ record, source: undefined, bytes: sizeOf(record, undefined) });
    }
  }

  /** Keeps a replay with its exchange, unless that has gone meanwhile. */
  addReplay(id: string, replay: Replay): ExchangeRecord | undefined {
    const kept = this.byId.get(id);
    if (kept === undefined) return undefined;
    const replays = [replay, ...kept.record.replays].slice(0, MAX_REPLAYS);
    const record = { ...kept.record, replays };
    this.bytes -= kept.bytes;
    const bytes = sizeOf(record, kept.source);
    this.bytes += bytes;
    // In its own place: to be replayed makes it no newer.
    this.byId.set(id, { record, source: kept.source, bytes });
    this.shrink();
    return record;
  }

  get(id: string): Kept | undefined {
    return this.byId.get(id);
  }

  /** Newest first. */
  all(): readonly Kept[] {
    return [...this.byId.values()].toReversed();
  }

  clear(): void {
    this.byId.clear();
    this.bytes = 0;
  }

  private put(kept: Kept): void {
    this.byId.set(kept.record.id, kept);
    this.bytes += kept.bytes;
    this.shrink();
  }

  private shrink(): void {
    for (const [id, { bytes }] of this.byId) {
      if (this.byId.size <= this.maxExchanges && this.bytes <= this.maxBytes) return;
      this.byId.delete(id);
      this.bytes -= bytes;
      this.droppedTotal++;
    }
  }
}

/** As JSON; a request as it came costs about as much again. */
function sizeOf(record: ExchangeRecord, source: ReplaySource | undefined): number {
  const own = Buffer.byteLength(JSON.stringify(record));
  if (source === undefined) return own;
  const { body, headers, url } = source;
  return own + (body.bytes?.length ?? 0) + JSON.stringify(headers).length + url.length;
}
