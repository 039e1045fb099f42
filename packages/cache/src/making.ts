/** Entries from what the application has answered, and from what it has confirmed. */
import { httpDate, parseHttpDate, strongEqual, weakEqual } from '@org/core';
import type { Codings } from './codings.ts';
import { Entry } from './entry.ts';
import { fieldText } from './field-text.ts';
import type { CacheOptions } from './options.ts';
import {
  type FlatHeaders,
  storedValue,
  updatedHeaders,
  viewOf,
  withoutNames,
} from './stored-headers.ts';
import { type Asked, type HeadView, judge, type Terms } from './storing.ts';
import { varyKey } from './vary.ts';
import type { Visit } from './visit.ts';

/** A confirmation without a date is of this moment. */
const DATE: ReadonlySet<string> = new Set(['date']);

/** What an entry is made of besides its body; known when the head is. */
export interface Blank {
  readonly visit: Visit;
  readonly terms: Terms;
  readonly status: number;
  readonly headers: FlatHeaders;
  readonly tags: readonly string[];
  readonly route: string | undefined;
  readonly stamp: number;
  /** When its age was 0, in monotonic ms. */
  readonly bornMs: number;
}

export class Maker {
  private readonly options: Readonly<CacheOptions>;
  private readonly codings: Codings;

  constructor(options: Readonly<CacheOptions>, codings: Codings) {
    this.options = options;
    this.codings = codings;
  }

  /** What is asked about a request when its answer is judged. */
  asked({ exchange, credentialed, partitioned, directives }: Visit, askedAt: number): Asked {
    return {
      credentialed,
      principalRead: exchange.principalRead && !partitioned,
      patchedBefore: exchange.patchedBefore,
      noStore: directives?.noStore === true,
      askedAt,
      nowAt: this.options.clock.now(),
    };
  }

  /** A new entry. */
  make(blank: Blank, body: Buffer): Entry {
    const { visit, terms, status, headers, tags, route, stamp, bornMs } = blank;
    const { jitterRatio, random, clock } = this.options;
    const dated = withDate(headers, terms.dateAt);
    const modified = terms.lastModified;
    return new Entry({
      key: visit.key,
      vary: terms.vary,
      varyKey: varyKey(terms.vary, visit.exchange.req.headers),
      status,
      headers: dated,
      body,
      etag: terms.etag,
      lastModified: modified,
      modifiedAt:
        (modified === undefined ? undefined : parseHttpDate(modified, clock.now())) ?? terms.dateAt,
      dateAt: terms.dateAt,
      bornMs,
      lifetimeMs: terms.lifetimeMs * (1 - jitterRatio * random()),
      staleWhileRevalidateMs: terms.staleWhileRevalidateMs,
      staleIfErrorMs: terms.staleIfErrorMs,
      mustValidate: terms.mustValidate,
      mayBeStale: terms.mayBeStale,
      shared: terms.shared,
      tags,
      stamp,
      route,
      codable: this.codings.isCodable(status, dated, body, terms.noTransform),
    });
  }

  /**
   * A stored answer that the application has confirmed, with what it said anew (RFC 9111
   * §4.3.4); absent when it may not be stored any longer. `update` are the
   * new headers, `tags` those that it has now.
   */
  freshen(
    stale: Entry,
    visit: Visit,
    head: HeadView,
    update: FlatHeaders,
    askedAt: number,
    stamp: number,
    tags: readonly string[] | undefined,
  ): Entry | undefined {
    const { init } = stale;
    // It is about something else than was asked about: nothing to learn from.
    if (!isAbout(stale, head)) return stale;
    const headers = updatedHeaders(withoutNames(init.headers, DATE), update);
    const age = fieldText(head.get('age'));
    const view = viewOf(stale.status, age === undefined ? headers : [...headers, 'Age', age]);
    const terms = judge(view, this.asked(visit, askedAt), visit.policy.storing);
    if (typeof terms === 'string' || tags === undefined) return undefined;
    const { clock } = this.options;
    const fresh = this.make(
      {
        visit,
        terms,
        status: stale.status,
        headers: withoutNames(headers, new Set(terms.without)),
        // A handler that confirms may stop before it gives its tags: those of before hold, too.
        tags: [...new Set([...init.tags, ...tags])],
        route: init.route,
        stamp,
        bornMs: clock.monotonicMs() - terms.initialAgeMs,
      },
      stale.body,
    );
    if (fresh.init.codable) this.codings.adopt(fresh, stale);
    return fresh;
  }
}

/**
 * Whether a confirmation is about this answer (RFC 9111 §4.3.4): by its strong validator if it
 * has one, else by its weak one; one without any is about what was asked.
 */
function isAbout({ init }: Entry, head: HeadView): boolean {
  const etag = fieldText(head.get('etag'));
  if (etag !== undefined) {
    if (init.etag === undefined) return false;
    return (etag.startsWith('W/') ? weakEqual : strongEqual)(etag, init.etag);
  }
  const modified = fieldText(head.get('last-modified'));
  return modified === undefined || modified === init.lastModified;
}

/** The application's answer is made at the end of its work; one without a date gets this moment's (RFC 9110 §6.6.1). */
function withDate(headers: FlatHeaders, dateAt: number): FlatHeaders {
  return storedValue(headers, 'date') === undefined
    ? [...headers, 'Date', httpDate(dateAt)]
    : headers;
}
