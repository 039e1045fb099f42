/**
 * What versioning tells of itself as it happens: to `onEvent`, and on the diagnostics channel
 * `@org/versioning`. With nobody listening an event is not even made.
 */
import type { Exchange } from '@org/core';

/** Why a request was refused: by what it says of a version, or by what became of that version. */
export type VersionRefusal = 'unknown' | 'invalid' | 'conflict' | 'brownout' | 'gone';

/** Something that happened. */
export type VersioningEvent =
  /** A client has had an answer of a version that ends. */
  | {
      readonly type: 'deprecated';
      readonly version: string;
      /** As in `usage()`; absent where nothing says who it was. */
      readonly consumer: string | undefined;
      readonly exchange: Exchange;
    }
  | { readonly type: 'refused'; readonly reason: VersionRefusal; readonly exchange: Exchange };

/** Hears events. What it throws is reported, and changes nothing. */
export type OnVersioningEvent = (event: VersioningEvent) => void;

/** Name of the diagnostics channel; messages are `VersioningEvent`s. */
export const VERSIONING_CHANNEL = '@org/versioning';
