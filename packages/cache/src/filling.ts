/**
 * What happens to the application's answer on its way out: it is stored if it may be;
 * a 304 to the cache's own question becomes the stored answer (RFC 9111 §4.3.3), and a
 * failure one that is allowed to stand in for it (RFC 5861 §4).
 */
import {
  type BodySink,
  defineStages,
  type Exchange,
  isNotModified,
  type Listeners,
  parseHttpDate,
  type ResponseHead,
  type Stages,
  type StateKey,
  stateKey,
  weakEqual,
} from '@org/core';

import { answerOf, putAnswer, type Wishes, wishesOf } from './answer.ts';
import { cacheStatus, type Forwarded, tellStatus } from './cache-status.ts';
import type { Codings } from './codings.ts';
import { giveBack, isConditional, type Taken, takeOver } from './conditionals.ts';
import type { Entry } from './entry.ts';
import type { CacheEvent } from './events.ts';
import { fieldText } from './field-text.ts';
import type { Landing } from './flights.ts';
import type { Blank, Maker } from './making.ts';
import type { CacheOptions } from './options.ts';
import { standsIn } from './reuse.ts';
import type { Versions } from './shared-tier.ts';
import type { Statistics } from './statistics.ts';
import { HeaderSnapshot, storedHeaders } from './stored-headers.ts';
import { judge, type Refusal } from './storing.ts';
import { type HandlerTags, tagsOf } from './tags.ts';
import type { Tiers } from './tiers.ts';
import type { Visit } from './visit.ts';

/** Why the application is asked, and who wants to know. */
export interface Errand {
  readonly visit: Visit;
  /** RFC 9211 §2.2. */
  readonly forwarded: Forwarded;
  /** Why the cache stood aside, in a word. */
  readonly detail?: string | undefined;
  /** The stored answer in question. */
  readonly stale?: Entry | undefined;
  /** Hears how it ended; more than once, of which the first counts. */
  readonly land?: ((landing: Landing) => void) | undefined;
  /** The shared store's versions from before the application was asked. */
  readonly versions?: Versions | undefined;
}

/** What filling needs of its cache. */
export interface FillingParts {
  readonly options: Readonly<CacheOptions>;
  readonly tiers: Tiers;
  readonly codings: Codings;
  readonly maker: Maker;
  readonly statistics: Statistics;
  readonly listeners: Listeners<CacheEvent>;
  readonly handlerTags: HandlerTags;
}

/** Sends requests to the application and deals with its answers. */
export class Filling {
  private readonly parts: FillingParts;
  private readonly fills: StateKey<Fill> = stateKey<Fill>('cache fill');
  private readonly stages: Stages;

  constructor(parts: FillingParts) {
    this.parts = parts;
    const fillOf = (exchange: Exchange): Fill => exchange.getState(this.fills)!;
    this.stages = defineStages({
      replace: (head, exchange) => fillOf(exchange).replace(head),
      capture: (head, exchange) => fillOf(exchange).capture(head),
      conditional: (head, _body, exchange) => fillOf(exchange).conditional(head),
      head: (head, exchange) => fillOf(exchange).head(head),
      done: (exchange) => fillOf(exchange).done(),
    });
  }

  /** The application is asked next; from here on its answer is watched. */
  begin(errand: Errand): void {
    const { exchange } = errand.visit;
    exchange.setState(this.fills, new Fill(errand, this.parts));
    exchange.tap(this.stages);
  }
}

/** Another validator is another representation. */
const OF_THE_BODY: readonly string[] = ['Content-Type', 'Content-Encoding', 'Content-Language'];

/** One errand under way. */
class Fill {
  private readonly errand: Errand;
  private readonly parts: FillingParts;
  /** What the invalidations counted before the application was asked. */
  private readonly stamp: number;
  private readonly askedAt: number;
  /** What stood in the head before the cache was asked. */
  private readonly before: HeaderSnapshot;
  /** What the client wants, and its conditions while they are taken off the request. */
  private readonly wishes: Wishes;
  private readonly taken: Taken | undefined;
  /** A stored answer is sent instead of the application's. */
  private replaced: boolean = false;
  private storing: boolean = false;
  private refusal: Refusal | undefined = undefined;

  constructor(errand: Errand, parts: FillingParts) {
    this.errand = errand;
    this.parts = parts;
    const { exchange, policy } = errand.visit;
    const { req } = exchange;
    this.stamp = parts.tiers.invalidations.epoch;
    this.askedAt = parts.options.clock.now();
    this.before = new HeaderSnapshot(exchange.head);
    this.wishes = wishesOf(req);
    const init = errand.stale?.init;
    const asks = init?.etag !== undefined || init?.lastModified !== undefined;
    // With a lifetime of its own the cache is part of the origin, and answers conditions itself
    // where it may store the answer; without, it leaves those on what it does not have to the
    // application (RFC 9111 §4.3.2), and so it does with every range.
    const answers =
      errand.land !== undefined && policy.storing.ttlMs > 0 && req.headers.range === undefined;
    this.taken =
      asks || (answers && isConditional(req))
        ? takeOver(req, asks ? errand.stale : undefined)
        : undefined;
  }

  /** A stored answer in place of the application's. */
  replace(head: ResponseHead): Buffer | undefined {
    const { stale, visit, land } = this.errand;
    const { exchange } = visit;
    if (this.taken !== undefined) giveBack(exchange.req, this.taken);
    if (stale === undefined) return undefined;
    const { nowMs } = this;
    if (head.status === 304 && this.taken !== undefined) {
      this.parts.statistics.revalidatedTotal++;
      this.tell('revalidated');
      const { tiers } = this.parts;
      const fresh = this.freshen(stale, head);
      if (fresh === undefined) tiers.memory.remove(stale);
      else if (fresh !== stale && !tiers.isOvertaken(fresh)) {
        tiers.put(fresh, this.errand.versions);
      }
      land?.(fresh !== undefined && isUsable(fresh, nowMs) ? fresh : 'unshared');
      return this.answerWith(fresh ?? stale, head, nowMs);
    }
    if (standsIn(stale, head.status, nowMs)) {
      this.parts.statistics.staleTotal++;
      this.tell('stale');
      land?.(stale);
      return this.answerWith(stale, head, nowMs);
    }
    return undefined;
  }

  /** Judges the head, and keeps the body if the answer may be stored. */
  capture(head: ResponseHead): BodySink | undefined {
    if (this.replaced) return undefined;
    const { visit, stale } = this.errand;
    const { exchange } = visit;
    if (exchange.req.method === 'HEAD') {
      if (stale !== undefined) this.compareHead(stale, head);
      return undefined;
    }
    if (head.status >= 500 && this.isFailure()) return this.refuse('failure', head.status);
    const asked = this.parts.maker.asked(visit, this.askedAt);
    const terms = judge(head, asked, visit.policy.storing);
    if (typeof terms === 'string') return this.refuse(terms, head.status);
    const tags = tagsOf(visit, head, this.parts.handlerTags);
    if (tags === undefined) return this.refuse('too-many-tags', head.status);
    const declared = Number(fieldText(head.get('content-length')) ?? Number.NaN);
    if (declared > this.parts.options.maxEntryBytes) return this.refuse('too-large', head.status);
    this.storing = true;
    // As the head is now: what comes later, such as a coding, is not the stored answer's.
    const blank: Blank = {
      visit,
      terms,
      tags,
      status: head.status,
      headers: storedHeaders(head, this.before, terms.without),
      route: exchange.route,
      stamp: this.stamp,
      bornMs: this.nowMs - terms.initialAgeMs,
    };
    return this.sink(blank, declared);
  }

  /** The client's own conditions, where they were taken off and the application has answered anew. */
  conditional(head: ResponseHead): boolean {
    if (this.replaced || this.taken === undefined || head.status !== 200) return false;
    const nowAt = this.parts.options.clock.now();
    const modified = fieldText(head.get('last-modified'));
    const modifiedAt = modified === undefined ? undefined : parseHttpDate(modified, nowAt);
    const { 'if-none-match': match, 'if-modified-since': since } = this.wishes;
    const etag = fieldText(head.get('etag'));
    if (!isNotModified(match, since, etag, modifiedAt ?? nowAt, nowAt)) return false;
    head.status = 304;
    for (const name of OF_THE_BODY) head.remove(name);
    return true;
  }

  /** Tells how the answer came about. */
  head(head: ResponseHead): void {
    if (this.replaced) return;
    const { options, codings } = this.parts;
    const { forwarded, detail = this.refusal ?? this.unheard } = this.errand;
    // Coded forms will be sent from the store: what is sent plainly varies all the same.
    if (this.storing && codings.mayBeCodable(head)) head.addToList('Vary', 'Accept-Encoding');
    if (!options.cacheStatus) return;
    const member = cacheStatus(options.cacheName, {
      fwd: forwarded,
      stored: this.storing,
      ...(detail === undefined ? {} : { detail }),
    });
    tellStatus(head, member);
  }

  /** Nobody waits for what did not come. */
  done(): void {
    this.errand.land?.('gone');
  }

  /** A shared store that was not asked, or has not answered, may have had an answer all the same. */
  private get unheard(): string | undefined {
    const asked = this.parts.tiers.shared === undefined || this.errand.versions !== undefined;
    return asked ? undefined : 'store-unavailable';
  }

  private sink(blank: Blank, declared: number): BodySink {
    const { maxEntryBytes } = this.parts.options;
    let chunks: Buffer[] = [];
    let size = 0;
    let stored: Entry | undefined;
    const give = (reason: Refusal): void => {
      chunks = [];
      this.refuse(reason, blank.status);
    };
    return {
      write: (chunk) => {
        if (!this.storing) return;
        size += chunk.length;
        if (size > maxEntryBytes) give('too-large');
        else chunks.push(Buffer.from(chunk));
      },
      end: () => {
        if (!this.storing) return;
        // Less or more than was announced is not the whole (RFC 9111 §3.3).
        if (!Number.isNaN(declared) && declared !== size) give('incomplete');
        else stored = this.store(blank, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
      },
      // Whoever has coded this answer for its client has done it for those to come.
      coded: (coding, body) => {
        if (stored !== undefined) this.parts.codings.keep(stored, coding, body);
      },
      abort: () => {
        if (this.storing) give('aborted');
      },
    };
  }

  /** Stores an answer; answers its entry, unless it was overtaken or not admitted. */
  private store(blank: Blank, body: Buffer): Entry | undefined {
    const { tiers, maker, statistics, listeners } = this.parts;
    const entry = maker.make(blank, body);
    if (tiers.isOvertaken(entry)) {
      return this.refuse('overtaken', blank.status);
    }
    const admitted = tiers.put(entry, this.errand.versions);
    if (admitted) {
      statistics.storedTotal++;
      const { bytes, init } = entry;
      if (listeners.listening) listeners.tell({ type: 'stored', key: init.key, bytes });
    } else {
      statistics.refused('admission');
    }
    this.errand.land?.(isUsable(entry, this.nowMs) ? entry : 'unshared');
    return admitted ? entry : undefined;
  }

  private refuse(reason: Refusal, status: number): undefined {
    const { tiers, statistics, listeners } = this.parts;
    const { visit, stale, land } = this.errand;
    this.storing = false;
    this.refusal = reason;
    statistics.refused(reason);
    if (listeners.listening) listeners.tell({ type: 'refused', key: visit.key, reason });
    // The application has answered otherwise than what is stored (RFC 9111 §4.3.3).
    if (stale !== undefined && status < 500 && reason !== 'aborted') tiers.memory.remove(stale);
    const gone = reason === 'aborted' || reason === 'overtaken';
    land?.(gone ? 'gone' : status >= 500 ? 'failing' : 'unshared');
    return undefined;
  }

  /**
   * A handler that throws has often stated a lifetime before, and Express' final handler leaves
   * it on the 500: it was meant for another answer. Strictly RFC 9111, a 5xx that says how long
   * it is fresh is stored like any other (§3), though never in the place of a better one (§4.3.3).
   */
  private isFailure(): boolean {
    const { visit, stale } = this.errand;
    const { exchange, policy } = visit;
    return policy.storing.ttlMs > 0 || stale !== undefined || exchange.error !== undefined;
  }

  /** What a HEAD tells of the stored answer to GET (RFC 9111 §4.3.5). */
  private compareHead(stale: Entry, head: ResponseHead): void {
    if (head.status !== 200) return;
    const { init, body } = stale;
    const differs = (name: string, stored: string | undefined, same = equal): boolean => {
      const now = fieldText(head.get(name));
      return now !== undefined && (stored === undefined || !same(now, stored));
    };
    const coded = init.headers.some((name) => name.toLowerCase() === 'content-encoding');
    if (
      differs('ETag', init.etag, weakEqual) ||
      differs('Last-Modified', init.lastModified) ||
      (!coded && differs('Content-Length', String(body.length)))
    ) {
      // As if it had never been fresh.
      stale.expire(stale.bornMs);
      return;
    }
    const fresh = this.freshen(stale, head);
    if (fresh !== undefined && fresh !== stale) this.parts.tiers.put(fresh, undefined);
  }

  /** The stored answer with what its confirmation says; see `Maker`. */
  private freshen(stale: Entry, head: ResponseHead): Entry | undefined {
    const { maker, handlerTags } = this.parts;
    const { visit } = this.errand;
    const update = storedHeaders(head, this.before, []);
    const tags = tagsOf(visit, head, handlerTags);
    return maker.freshen(stale, visit, head, update, this.askedAt, this.stamp, tags);
  }

  private answerWith(entry: Entry, head: ResponseHead, nowMs: number): Buffer {
    this.replaced = true;
    const { options, codings } = this.parts;
    const { visit, forwarded } = this.errand;
    const fwdStatus = head.status;
    const ageMs = entry.ageMs(nowMs);
    const told = options.cacheStatus
      ? cacheStatus(options.cacheName, {
          fwd: forwarded,
          fwdStatus,
          ttlSeconds: Math.floor((entry.lifetimeMs - ageMs) / 1000),
          stored: fwdStatus === 304,
        })
      : undefined;
    const answer = answerOf(visit.exchange, entry, this.wishes, codings, ({ whole }) => [
      ...whole,
      'Age',
      String(Math.floor(ageMs / 1000)),
      ...(told === undefined ? [] : ['Cache-Status', told]),
    ]);
    return putAnswer(head, this.before, answer);
  }

  private get nowMs(): number {
    return this.parts.options.clock.monotonicMs();
  }

  private tell(type: 'revalidated' | 'stale'): void {
    const { exchange, key } = this.errand.visit;
    const { listeners } = this.parts;
    if (listeners.listening) listeners.tell({ type, key, exchange });
  }
}

/** Whether those who wait for an answer may have it, too. */
function isUsable(entry: Entry, nowMs: number): boolean {
  return !entry.mustValidate && entry.ageMs(nowMs) < entry.lifetimeMs;
}

function equal(one: string, other: string): boolean {
  return one === other;
}
