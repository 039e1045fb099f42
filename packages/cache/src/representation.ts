/**
 * A stored answer in one content coding, ready to be sent: everything that is the
 * same from hit to hit is made once; age and time to live once a second.
 */
import { hasNoBody } from '@org/core';

import { cacheStatus } from './cache-status.ts';
import type { Entry } from './entry.ts';
import { fieldText } from './field-text.ts';
import { type FlatHeaders, viewOf, withoutNames } from './stored-headers.ts';
import { varyNames } from './vary.ts';

/** How answers tell of the cache. */
export interface Telling {
  readonly cacheStatus: boolean;
  readonly cacheName: string;
}

/** Bytes of a representation's head besides the entry's own. An estimate. */
const OVERHEAD_BYTES = 300;
/** Written anew where there are coded forms. */
const VARY_AND_ETAG: ReadonlySet<string> = new Set(['vary', 'etag']);

export class Representation {
  readonly body: Buffer;
  readonly etag: string | undefined;
  /** The head of the whole but for age and status of the cache. */
  readonly whole: FlatHeaders;
  private readonly telling: Telling;
  private head: string[] = [];
  private headAge: number = -1;
  private headTtl: number = Number.NaN;

  /** `coding` undefined is the identity. */
  constructor(entry: Entry, coding: string | undefined, body: Buffer, telling: Telling) {
    const { init } = entry;
    this.body = body;
    this.etag = coding === undefined ? init.etag : codedTag(init.etag, coding);
    this.whole = [
      ...describe(entry, coding, this.etag),
      ...(hasNoBody(undefined, entry.status) ? [] : ['Content-Length', String(body.length)]),
    ];
    this.telling = telling;
  }

  get bytes(): number {
    return this.body.length + OVERHEAD_BYTES;
  }

  /** The head of a hit. Belongs to the representation: it is sent, never changed. */
  headOf(ageSeconds: number, ttlSeconds: number): string[] {
    if (this.headAge !== ageSeconds || this.headTtl !== ttlSeconds) {
      this.headAge = ageSeconds;
      this.headTtl = ttlSeconds;
      this.head = [...this.whole, 'Age', String(ageSeconds)];
      const { cacheStatus: tells, cacheName } = this.telling;
      if (tells) this.head.push('Cache-Status', cacheStatus(cacheName, { hit: true, ttlSeconds }));
    }
    return this.head;
  }
}

/** A strong validator belongs to one coding; a weak one is the same for all (RFC 9110 §8.8.3.3). */
export function codedTag(etag: string | undefined, coding: string): string | undefined {
  if (etag === undefined || !/^".*"$/.test(etag)) return etag;
  return `${etag.slice(0, -1)}-${coding}"`;
}

/** The head of the entry in a coding: also the plain form varies, once there are coded ones. */
function describe(entry: Entry, coding: string | undefined, etag: string | undefined): FlatHeaders {
  const { headers, codable } = entry.init;
  if (!codable) return headers;
  // All lines of it: they are one list (RFC 9110 §5.3).
  const vary = fieldText(viewOf(entry.status, headers).get('Vary'));
  const names = varyNames(vary);
  const varies = names === '*' || names.includes('accept-encoding');
  const flat = withoutNames(headers, VARY_AND_ETAG);
  flat.push(
    'Vary',
    vary === undefined || names.length === 0
      ? 'Accept-Encoding'
      : varies
        ? vary
        : `${vary}, Accept-Encoding`,
  );
  if (etag !== undefined) flat.push('ETag', etag);
  if (coding !== undefined) flat.push('Content-Encoding', coding);
  return flat;
}
