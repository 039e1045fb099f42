/**
 * What compression tells of itself as it happens: to `onEvent`, and on the diagnostics
 * channel `@org/compression`. With nobody listening an event is not even made.
 */
import type { Exchange } from '@org/core';

import type { Coding } from './options.ts';

/** Why an answer was not coded. A closed list: statistics are kept by it. */
export type Skip =
  /** Its media type does not shrink, or `filter` said no. */
  | 'filtered'
  /** `no-transform` (RFC 9111 §5.2.2.6). */
  | 'no-transform'
  /** A part of a representation (RFC 9110 §14). */
  | 'partial'
  /** It states a digest of the bytes that were to be sent (RFC 9530). */
  | 'digest'
  /** The client accepts none of the codings on offer. */
  | 'not-accepted'
  /** Smaller than the threshold. */
  | 'small'
  /** Its bytes are coded or encrypted already. */
  | 'dense'
  /** Answers of its route hardly shrink. */
  | 'no-benefit'
  /** It reflects the request beside a secret. */
  | 'reflected'
  /** As much is coded already as may be at once. */
  | 'busy'
  /** The coding made it no smaller. */
  | 'larger';

/** Something that happened. Sizes in bytes; `outBytes` are those that were sent. */
export type CompressionEvent =
  | {
      readonly type: 'coded';
      readonly coding: Coding;
      readonly inBytes: number;
      readonly outBytes: number;
      readonly exchange: Exchange;
    }
  | { readonly type: 'skipped'; readonly reason: Skip; readonly exchange: Exchange };

/** Hears events. What it throws is reported, and changes nothing. */
export type OnCompressionEvent = (event: CompressionEvent) => void;

/** Name of the diagnostics channel; messages are `CompressionEvent`s. */
export const COMPRESSION_CHANNEL = '@org/compression';
