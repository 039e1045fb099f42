/** Whether an answer's head lets it be coded at all, whatever the client accepts. */
import type { Exchange, ResponseHead } from '@org/core';
import npmCompression from 'compression';

import type { Skip } from './events.ts';
import type { Filter } from './options.ts';

/** Media types whose verdict is remembered. */
const MAX_TYPES = 256;
const NO_TRANSFORM = /(?:^|,)\s*no-transform\s*(?:,|$)/i;
/** RFC 9530, and what stood before it: what they state of the bytes would no longer be true. */
const DIGESTS: readonly string[] = ['content-digest', 'repr-digest', 'digest', 'content-md5'];

/** The verdict on a media type, as `compression` gives it: what mime-db says, and `text/*`, `+json` and the like. */
export const mediaTypeFilter: Filter = npmCompression.filter;

export class Negotiable {
  private readonly filter: Filter | undefined;
  private readonly types: Map<string, boolean> = new Map();

  /** Without a filter it goes by the media type. */
  constructor(filter: Filter | undefined) {
    this.filter = filter;
  }

  /** Why the answer has one form only; undefined where it varies by what the client accepts. */
  refusal(head: ResponseHead, exchange: Exchange): Skip | undefined {
    if (!this.passes(head, exchange)) return 'filtered';
    const cacheControl = head.get('cache-control');
    // The application says that these very bytes are to be sent (RFC 9111 §5.2.2.6).
    if (cacheControl !== undefined && NO_TRANSFORM.test(String(cacheControl))) {
      return 'no-transform';
    }
    return undefined;
  }

  private passes(head: ResponseHead, { req, res }: Exchange): boolean {
    if (this.filter !== undefined) return this.filter(req, res);
    const type = head.get('content-type');
    if (typeof type !== 'string') return mediaTypeFilter(req, res);
    let verdict = this.types.get(type);
    if (verdict === undefined) {
      verdict = mediaTypeFilter(req, res);
      if (this.types.size >= MAX_TYPES) this.types.clear();
      this.types.set(type, verdict);
    }
    return verdict;
  }
}

/** Why this form of an answer is sent as it is, although others would not be. */
export function fixedForm(head: ResponseHead): Skip | undefined {
  // A range is cut from the representation that the handler chose (RFC 9110 §14.2).
  if (head.status === 206 || head.has('content-range')) return 'partial';
  for (const name of DIGESTS) if (head.has(name)) return 'digest';
  return undefined;
}
