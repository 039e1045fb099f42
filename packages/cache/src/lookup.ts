/**
 * The way of a request through the cache: answered from the store; answered with what
 * another request is just fetching; or sent on to the application, with its answer
 * watched. What is the same for every hit has been done before.
 */
import {
  answerProblem,
  answerWhole,
  type Credentials,
  defineStages,
  type Exchange,
  HANDLED,
  type Listeners,
  ProblemError,
  type Stages,
  type StepResult,
} from '@org/core';

import { answerOf, sendAnswer, wantsWhole, wishesOf } from './answer.ts';
import { parseCacheControl } from './cache-control.ts';
import { cacheStatus, type Forwarded, tellStatus } from './cache-status.ts';
import type { Codings } from './codings.ts';
import { isConditional } from './conditionals.ts';
import type { Entry } from './entry.ts';
import type { Bypass, CacheEvent } from './events.ts';
import type { Errand, Filling } from './filling.ts';
import type { Flights, Landing } from './flights.ts';
import type { CacheOptions } from './options.ts';
import type { FindPolicy } from './policies.ts';
import type { Assignment, Refreshing } from './refreshing.ts';
import { reuse } from './reuse.ts';
import type { Statistics } from './statistics.ts';
import { groupsIn } from './tags.ts';
import type { Tiers } from './tiers.ts';
import { invalidatingStages, isSafe } from './unsafe.ts';
import { varyKey } from './vary.ts';
import { readVisit, type ReadingOptions, type Visit } from './visit.ts';
import type { Whole } from './whole.ts';

export interface LookupParts {
  readonly options: Readonly<CacheOptions>;
  readonly findPolicy: FindPolicy;
  readonly credentials: Credentials;
  readonly tiers: Tiers;
  readonly codings: Codings;
  readonly filling: Filling;
  readonly flights: Flights;
  readonly refreshing: Refreshing;
  readonly statistics: Statistics;
  readonly listeners: Listeners<CacheEvent>;
  readonly whole: Whole;
}

/** How often a request waits for another one that then goes away, before it asks for itself. */
const MAX_WAITS = 3;

export class Lookup {
  private readonly parts: LookupParts;
  private readonly reading: ReadingOptions;
  private readonly invalidating: Stages;
  /** What a request gets that the cache has nothing to do with. */
  private readonly aside: Readonly<Record<Bypass, Stages>>;

  constructor(parts: LookupParts) {
    this.parts = parts;
    const { findPolicy, credentials, options } = parts;
    const aside = (detail: Bypass): Stages =>
      defineStages({
        head: (head) => tellStatus(head, cacheStatus(options.cacheName, { fwd: 'bypass', detail })),
      });
    this.aside = {
      policy: aside('policy'),
      'no-key': aside('no-key'),
      precondition: aside('precondition'),
      credentials: aside('credentials'),
    };
    this.reading = { findPolicy, credentials, requestDirectives: options.requestDirectives };
    const groupsAt = (key: string): readonly string[] =>
      parts.tiers.memory.all(key).flatMap(({ init }) => groupsIn(init.tags));
    this.invalidating = invalidatingStages(findPolicy, groupsAt, (tags) => {
      this.parts.statistics.invalidationsTotal++;
      this.parts.tiers.invalidateSoon(tags);
      this.tellInvalidated(tags, false);
    });
  }

  step(exchange: Exchange): StepResult {
    const { req } = exchange;
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      if (!isSafe(req.method)) exchange.tap(this.invalidating);
      return undefined;
    }
    const { refreshing, statistics, listeners } = this.parts;
    const visit = readVisit(exchange, this.reading);
    if (typeof visit === 'string') {
      statistics.bypassed(visit);
      if (listeners.listening) listeners.tell({ type: 'bypass', reason: visit, exchange });
      if (this.wantsStoredOnly(exchange)) return notCached(exchange);
      return this.standAside(exchange, visit);
    }
    const own = refreshing.assignmentOf(exchange);
    return own === undefined ? this.serve(visit) : this.carryOut(visit, own);
  }

  /** Invalidates, here and wherever the store is shared. */
  async invalidate(tags: readonly string[], soft: boolean): Promise<void> {
    this.parts.statistics.invalidationsTotal++;
    this.tellInvalidated(tags, soft);
    await this.parts.tiers.invalidate(tags, soft);
  }

  private serve(visit: Visit): StepResult {
    const { tiers, options } = this.parts;
    const { req } = visit.exchange;
    const nowMs = options.clock.monotonicMs();
    const entry = tiers.find(visit.key, req.headers, nowMs);
    if (entry === undefined) {
      return this.miss(visit, tiers.memory.has(visit.key) ? 'vary-miss' : 'uri-miss', undefined);
    }
    // What is not for everybody is not for one who may be somebody (see README, Safety).
    if (visit.credentialed && !entry.shared) return this.passCredentialed(visit, entry, nowMs);
    switch (reuse(entry, visit.directives, nowMs)) {
      case 'fresh':
        this.parts.statistics.hitsTotal++;
        this.hit(visit, entry, nowMs, 'hit');
        this.refreshAhead(visit, entry, nowMs);
        return HANDLED;
      case 'stale':
        this.parts.statistics.staleTotal++;
        return this.hit(visit, entry, nowMs, 'stale');
      case 'while-revalidate':
        if (!this.refresh(visit, entry, true)) return this.miss(visit, 'stale', entry);
        this.parts.statistics.staleTotal++;
        return this.hit(visit, entry, nowMs, 'stale');
      case 'expired':
        return this.miss(visit, 'stale', entry);
      case 'request':
        return this.miss(visit, 'request', entry);
    }
  }

  private hit(
    { exchange, key }: Visit,
    entry: Entry,
    nowMs: number,
    type: 'hit' | 'stale',
  ): typeof HANDLED {
    const { codings, statistics, listeners } = this.parts;
    const { req, res } = exchange;
    entry.hits++;
    if (exchange.route === undefined) exchange.route = entry.init.route;
    const ageMs = entry.ageMs(nowMs);
    const ageSeconds = Math.floor(ageMs / 1000);
    const ttlSeconds = Math.floor(entry.lifetimeMs / 1000) - ageSeconds;
    if (listeners.listening) listeners.tell({ type, key, exchange });
    const { headers } = req;
    if (wantsWhole(headers) && res.getHeader('vary') === undefined) {
      const form = codings.select(entry, headers['accept-encoding']);
      if (req.method === 'GET') statistics.servedBytesTotal += form.body.length;
      answerWhole(exchange, entry.status, form.headOf(ageSeconds, ttlSeconds), form.body);
      return HANDLED;
    }
    const answer = answerOf(exchange, entry, wishesOf(req), codings, (form) =>
      form.headOf(ageSeconds, ttlSeconds),
    );
    statistics.servedBytesTotal += answer.body.length;
    sendAnswer(exchange, answer);
    return HANDLED;
  }

  /** The application must be asked: alone, together with others, or by another already. */
  private miss(visit: Visit, forwarded: Forwarded, stale: Entry | undefined): StepResult {
    const { exchange, directives } = visit;
    if (directives?.onlyIfCached === true) return notCached(exchange);
    const flightKey = this.flightKey(visit, stale);
    const { flights, options } = this.parts;
    if (flightKey === undefined) return this.ask({ visit, forwarded, stale });
    const under = flights.under(flightKey);
    if (under !== undefined && visit.waits < MAX_WAITS) {
      visit.waits++;
      return under.wait().then((landing) => this.landed(visit, forwarded, stale, landing));
    }
    // One without a body, with a range or with conditions of its own brings nothing to share.
    const leads =
      exchange.req.method === 'GET' &&
      exchange.req.headers.range === undefined &&
      (visit.policy.storing.ttlMs > 0 || stale !== undefined || !isConditional(exchange.req)) &&
      flights.mayShare(flightKey, options.clock.monotonicMs());
    if (!leads || under !== undefined) return this.ask({ visit, forwarded, stale });
    const flight = flights.begin(flightKey);
    const land = (landing: Landing): void => flights.land(flightKey, flight, landing);
    return this.ask({ visit, forwarded, stale, land });
  }

  /** Under which key requests wait for each other; absent where they must not. */
  private flightKey(visit: Visit, stale: Entry | undefined): string | undefined {
    const { options } = this.parts;
    if (!options.collapse || visit.credentialed || visit.directives?.noStore === true) {
      return undefined;
    }
    if (stale === undefined || stale.init.vary.length === 0) return visit.key;
    return `${visit.key}\n${varyKey(stale.init.vary, visit.exchange.req.headers)}`;
  }

  /** The one that was waited for has its answer, or has none. */
  private landed(
    visit: Visit,
    forwarded: Forwarded,
    stale: Entry | undefined,
    landing: Landing,
  ): StepResult {
    const { exchange } = visit;
    if (exchange.settled || exchange.res.destroyed) return HANDLED;
    if (typeof landing === 'object') {
      const { init } = landing;
      const chosen = varyKey(init.vary, exchange.req.headers) === init.varyKey;
      if (chosen) return this.share(visit, forwarded, landing);
    }
    // Its leader went away, or the answer is for others: once more from the start.
    if (landing === 'gone' || typeof landing === 'object') return this.serve(visit);
    return this.ask({ visit, forwarded, stale });
  }

  /** Answers with what another request has just fetched. */
  private share(visit: Visit, forwarded: Forwarded, entry: Entry): StepResult {
    const { options, codings, statistics, listeners } = this.parts;
    const { exchange, key } = visit;
    statistics.collapsedTotal++;
    if (listeners.listening) listeners.tell({ type: 'collapsed', key, exchange });
    if (exchange.route === undefined) exchange.route = entry.init.route;
    const ageMs = entry.ageMs(options.clock.monotonicMs());
    const head = ['Age', String(Math.floor(ageMs / 1000))];
    if (options.cacheStatus) {
      const ttlSeconds = Math.floor((entry.lifetimeMs - ageMs) / 1000);
      const told = { fwd: forwarded, ttlSeconds, stored: true, collapsed: true };
      head.push('Cache-Status', cacheStatus(options.cacheName, told));
    }
    const answer = answerOf(exchange, entry, wishesOf(exchange.req), codings, ({ whole }) => [
      ...whole,
      ...head,
    ]);
    statistics.servedBytesTotal += answer.body.length;
    sendAnswer(exchange, answer);
    return HANDLED;
  }

  /** The second tier first, where there is one; then the application. */
  private ask(errand: Errand): StepResult {
    const { tiers } = this.parts;
    if (!tiers.hasShared) {
      this.forward(errand);
      return undefined;
    }
    return this.askShared(errand);
  }

  private async askShared(errand: Errand): Promise<void | typeof HANDLED> {
    const { visit, stale, land } = errand;
    const { tiers, options, statistics } = this.parts;
    const { exchange, key } = visit;
    const headers = stale === undefined ? exchange.req.headers : undefined;
    const { entry, versions } = await tiers.fetch(key, headers);
    if (exchange.settled || exchange.res.destroyed) {
      land?.('gone');
      return HANDLED;
    }
    const nowMs = options.clock.monotonicMs();
    const usable = entry !== undefined && !(visit.credentialed && !entry.shared);
    if (usable && reuse(entry, visit.directives, nowMs) === 'fresh') {
      land?.(entry);
      statistics.hitsTotal++;
      return this.hit(visit, entry, nowMs, 'hit');
    }
    if (usable) this.forward({ ...errand, forwarded: 'stale', stale: entry, versions });
    else this.forward({ ...errand, versions });
    return undefined;
  }

  private forward(errand: Errand): void {
    const { statistics, listeners, filling, whole } = this.parts;
    const { exchange, key } = errand.visit;
    statistics.missesTotal++;
    whole.see(exchange.req);
    if (listeners.listening) listeners.tell({ type: 'miss', key, exchange });
    filling.begin(errand);
  }

  /** One who may be somebody asks the application; only what says that it is for everybody is stored. */
  private passCredentialed(visit: Visit, entry: Entry, nowMs: number): StepResult {
    const { statistics, listeners, filling } = this.parts;
    const { exchange, directives } = visit;
    statistics.bypassed('credentials');
    if (directives?.onlyIfCached === true) return notCached(exchange);
    if (listeners.listening) listeners.tell({ type: 'bypass', reason: 'credentials', exchange });
    const forwarded = entry.ageMs(nowMs) < entry.lifetimeMs ? 'request' : 'stale';
    filling.begin({ visit, forwarded, detail: 'credentials' });
    return undefined;
  }

  /** A request of the cache's own. */
  private carryOut(visit: Visit, { stale, land }: Assignment): StepResult {
    const forwarded = stale === undefined ? 'uri-miss' : 'stale';
    const { tiers, filling } = this.parts;
    if (!tiers.hasShared) {
      filling.begin({ visit, forwarded, stale, land });
      return undefined;
    }
    return tiers.fetch(visit.key, undefined).then(({ versions }) => {
      filling.begin({ visit, forwarded, stale, land, versions });
    });
  }

  private refreshAhead(visit: Visit, entry: Entry, nowMs: number): void {
    const { refreshAheadRatio, refreshMinHits } = this.parts.options;
    if (refreshAheadRatio === 0 || entry.hits < refreshMinHits) return;
    const leftMs = entry.lifetimeMs - entry.ageMs(nowMs);
    if (leftMs <= entry.lifetimeMs * refreshAheadRatio) this.refresh(visit, entry, false);
  }

  /** Says whether there is anybody to ask in the background. */
  private refresh({ exchange }: Visit, entry: Entry, due: boolean): boolean {
    const { whole, refreshing } = this.parts;
    whole.see(exchange.req);
    const listener = whole.listener();
    if (listener === undefined) return false;
    refreshing.request(entry, exchange.req, listener, due);
    return true;
  }

  /** `only-if-cached`, of a request that was not read. */
  private wantsStoredOnly({ req }: Exchange): boolean {
    if (!this.parts.options.requestDirectives) return false;
    return parseCacheControl(req.headers['cache-control']).onlyIfCached;
  }

  private standAside(exchange: Exchange, reason: Bypass): undefined {
    if (this.parts.options.cacheStatus) exchange.tap(this.aside[reason]);
    return undefined;
  }

  private tellInvalidated(tags: readonly string[], soft: boolean): void {
    const { listeners } = this.parts;
    if (listeners.listening) listeners.tell({ type: 'invalidated', tags, soft });
  }
}

/** The request wants nothing else than what is stored (RFC 9111 §5.2.1.7). */
function notCached({ res }: Exchange): typeof HANDLED {
  answerProblem(
    res,
    new ProblemError({
      code: 'ERR_NOT_CACHED',
      status: 504,
      detail: 'The answer is not stored, and the request allows no other (only-if-cached).',
      expose: true,
    }),
  );
  return HANDLED;
}
