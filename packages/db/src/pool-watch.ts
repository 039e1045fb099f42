/**
 * Watches a pool from outside: how long connections are waited for, used and idle, when there will be
 * none left, and who keeps one. A connection *held long* is one whose request lives and may still
 * query; one is *orphaned* when its request has ended and nobody is left to give it back. Both are
 * told with route, line and last statement, and once more when they come back after all.
 */
import {
  type CallSite,
  callSite,
  type Cancel,
  type Clock,
  type Listeners,
  Percentiles,
  type Spread,
  type Stats,
} from '@org/core';

import { lineOf } from './call-site.ts';
import type { Asker } from './driver.ts';
import { PoolLoad } from './pool-load.ts';
import type { Leak, LeakKind, PoolEvent } from './pool-events.ts';
import type { WatchedClient } from './watched-client.ts';

/** What a pool says of itself. */
export interface PoolNumbers {
  readonly capacity: number;
  readonly size: number;
  readonly idle: number;
  readonly waiting: number;
}

export interface WatchSettings {
  readonly clock: Clock;
  /** From when on a connection is held long, in ms. */
  readonly heldAfterMs: number;
  /** How long after its request's end one is an orphan, in ms. */
  readonly orphanAfterMs: number;
  readonly destroyOrphans: boolean;
  /** One in so many takings remembers its line. */
  readonly lineEvery: number;
  readonly listeners: Listeners<PoolEvent>;
}

const TICK_MS = 1000;
const WINDOW_MS = 60_000;
/** Takings that all remember their line after a leak of which none is known. */
const ALERT = 1000;
/** Characters of a statement that are kept. */
const MAX_QUERY_CHARS = 500;

/** The watch over one pool. */
export class PoolWatch {
  readonly settings: WatchSettings;
  private readonly clock: Clock;
  private readonly acquireMs: Percentiles = new Percentiles(WINDOW_MS);
  private readonly useMs: Percentiles = new Percentiles(WINDOW_MS);
  private readonly idleMs: Percentiles = new Percentiles(WINDOW_MS);
  /** Each knows its own place: a set would have to look for it. */
  private readonly inUse: WatchedClient[] = [];
  /** The time of the last tick or taking: near enough for statements. */
  private roughMs: number = 0;
  private readonly load: PoolLoad = new PoolLoad();
  private numbers: PoolNumbers = { capacity: 1, size: 0, idle: 0, waiting: 0 };
  private cancelTick: Cancel | undefined = undefined;
  private takings: number = 0;
  private alert: number = 0;
  private readonly counts = {
    acquired: 0,
    heldLong: 0,
    orphaned: 0,
    returnedLate: 0,
    destroyedOrphans: 0,
    idleErrors: 0,
  };

  constructor(settings: WatchSettings) {
    this.settings = settings;
    this.clock = settings.clock;
  }

  /** Whose numbers are told; read whenever somebody asks. */
  watch(numbers: PoolNumbers): void {
    this.numbers = numbers;
  }

  /** A place to remember, for one in so many, or for all while a leak's place is sought. */
  // oxlint-disable-next-line typescript/no-unsafe-function-type
  site(below: Function): CallSite | undefined {
    if (this.alert === 0 && ++this.takings < this.settings.lineEvery) return undefined;
    this.takings = 0;
    if (this.alert > 0) this.alert--;
    return callSite(below);
  }

  taken(client: WatchedClient): void {
    const nowMs = this.clock.monotonicMs();
    this.load.change(this.inUse.length, nowMs);
    this.counts.acquired++;
    if (client.idleMs === client.idleMs) this.idleMs.record(nowMs - client.idleMs, nowMs);
    client.takenMs = client.queriedMs = this.roughMs = nowMs;
    client.at = this.inUse.push(client) - 1;
    this.cancelTick ??= this.begin(nowMs);
  }

  /** How long it was waited for, and by whom, where that is known. */
  waited(client: WatchedClient, askedMs: number, site: CallSite | undefined): void {
    this.acquireMs.record(client.takenMs - askedMs, client.takenMs);
    client.site = site;
  }

  /** It was taken in the name of a request. */
  claim(client: WatchedClient, { exchange, site }: Asker): void {
    client.exchange = exchange;
    if (site !== undefined) client.site = site;
  }

  queried(client: WatchedClient, text: string | undefined): void {
    client.text = text;
    client.queriedMs = this.roughMs;
    // Whoever has it that long is worth a look at where from.
    if (client.kind !== undefined) client.site ??= callSite(this.queried);
  }

  returned(client: WatchedClient): void {
    if (client.at === -1) return;
    const nowMs = this.clock.monotonicMs();
    this.load.change(this.inUse.length, nowMs);
    this.leave(client);
    this.useMs.record(nowMs - client.takenMs, nowMs);
    if (client.kind !== undefined) {
      this.counts.returnedLate++;
      this.tell('returned', client);
    }
    client.idleMs = nowMs;
    client.exchange = client.site = client.text = client.kind = undefined;
    client.endedMs = Number.NaN;
  }

  idleError(error: unknown): void {
    this.counts.idleErrors++;
    const { listeners } = this.settings;
    if (listeners.listening) listeners.tell({ type: 'idle-error', error });
  }

  /** Whoever has had a connection the longest. */
  get longest(): WatchedClient | undefined {
    let found: WatchedClient | undefined;
    for (const client of this.inUse) {
      if (found === undefined || client.takenMs < found.takenMs) found = client;
    }
    return found;
  }

  /** One client as operators see it. */
  leak(client: WatchedClient): Leak {
    const nowMs = this.clock.monotonicMs();
    const { exchange, text } = client;
    return {
      kind: client.kind ?? 'held',
      method: exchange?.req.method,
      route: exchange?.route,
      requestId: exchange?.id,
      line: lineOf(client.site),
      query: text === undefined ? undefined : text.slice(0, MAX_QUERY_CHARS),
      heldMs: Math.round(nowMs - client.takenMs),
      quietMs: Math.round(nowMs - client.queriedMs),
      running: client.isRunning(),
    };
  }

  /** Those that are held for too long now, the longest first. */
  get leaks(): readonly Leak[] {
    return this.inUse
      .filter(({ kind }) => kind !== undefined)
      .toSorted((one, other) => one.takenMs - other.takenMs)
      .map((client) => this.leak(client));
  }

  get orphans(): number {
    let orphans = 0;
    for (const { kind } of this.inUse) if (kind === 'orphaned') orphans++;
    return orphans;
  }

  /** When there will be no connection left, in ms from now; 0: there is none, absent: not to be seen. */
  get saturatesInMs(): number | undefined {
    const samples = this.load.samplesUntilFull(this.numbers.capacity);
    return samples === undefined ? undefined : Math.round(samples * TICK_MS);
  }

  stats(): Stats {
    const nowMs = this.clock.monotonicMs();
    const { size, idle, waiting, capacity } = this.numbers;
    const inUse = this.inUse.length;
    const { counts } = this;
    const read = (of: Percentiles): Spread => of.read(nowMs);
    return {
      capacity,
      size,
      idle,
      inUse,
      waiting,
      saturationRatio: Math.round((inUse / capacity) * 1000) / 1000,
      saturatesInMs: this.saturatesInMs,
      load: Math.round((this.load.latest ?? inUse) * 100) / 100,
      acquireMs: read(this.acquireMs),
      useMs: read(this.useMs),
      idleMs: read(this.idleMs),
      acquiredTotal: counts.acquired,
      leaks: this.leaks.length,
      heldLongTotal: counts.heldLong,
      orphanedTotal: counts.orphaned,
      returnedLateTotal: counts.returnedLate,
      destroyedOrphansTotal: counts.destroyedOrphans,
      idleErrorsTotal: counts.idleErrors,
    };
  }

  close(): void {
    this.cancelTick?.();
    this.cancelTick = undefined;
  }

  private begin(nowMs: number): Cancel {
    this.load.begin(nowMs);
    return this.clock.every(TICK_MS, () => this.tick());
  }

  private tick(): void {
    const nowMs = (this.roughMs = this.clock.monotonicMs());
    this.load.sample(this.inUse.length, this.numbers.waiting, nowMs);
    // Some may be taken away.
    for (const client of this.inUse.slice()) this.look(client, nowMs);
  }

  /** The last one takes its place. */
  private leave(client: WatchedClient): void {
    const last = this.inUse.pop()!;
    if (last !== client) this.inUse[(last.at = client.at)] = last;
    client.at = -1;
  }

  private look(client: WatchedClient, nowMs: number): void {
    const { heldAfterMs, orphanAfterMs, destroyOrphans } = this.settings;
    if (client.exchange?.settled === true && client.endedMs !== client.endedMs) {
      client.endedMs = nowMs;
    }
    if (nowMs - client.endedMs >= orphanAfterMs) {
      if (client.kind !== 'orphaned') this.note('orphaned', client);
      if (destroyOrphans) this.takeAway(client);
    } else if (client.kind === undefined && nowMs - client.takenMs >= heldAfterMs) {
      this.note('held', client);
    }
  }

  private note(kind: LeakKind, client: WatchedClient): void {
    client.kind = kind;
    if (kind === 'held') this.counts.heldLong++;
    else this.counts.orphaned++;
    if (client.site === undefined) this.alert = ALERT;
    this.tell('leak', client);
  }

  private takeAway(client: WatchedClient): void {
    this.counts.destroyedOrphans++;
    this.tell('destroyed', client);
    // It does not come back late: it is gone.
    client.kind = undefined;
    client.destroy();
  }

  private tell(type: 'leak' | 'returned' | 'destroyed', client: WatchedClient): void {
    const { listeners } = this.settings;
    if (!listeners.listening) return;
    listeners.tell({ type, leak: this.leak(client), exchange: client.exchange });
  }
}
