/**
 * Codes answers: whole bodies in one call, here or in the thread pool, and streams as they
 * come. It works in the `encode` stage of the one response tap, so wherever it is mounted,
 * what captures or compares bodies sees them plain.
 */
import { defineMiddleware, defineStages, Listeners, type Middleware } from '@org/core';

import { type AnyOptions, ownOptions } from './drop-in.ts';
import { Encoding } from './encoding.ts';
import { COMPRESSION_CHANNEL } from './events.ts';
import { mediaTypeFilter } from './negotiable.ts';
import { type Filter, resolveCompressionOptions } from './options.ts';
import { Statistics } from './statistics.ts';

declare global {
  namespace Express {
    interface Response {
      /** Sends what has been written so far, also where a coding would hold it back; the tap of core has it for every response. */
      flush(): void;
    }
  }
}

/** Makes the middleware; `filter` is the default filter, for filters that add to it. */
export interface CompressionFactory {
  /** @throws OptionError for unknown or wrong options */
  (options?: AnyOptions | null): Middleware;
  /** Whether the media type of an answer is one that shrinks, as `compression.filter`. */
  readonly filter: Filter;
}

function make(given?: AnyOptions | null): Middleware {
  const options = resolveCompressionOptions(ownOptions(given));
  const statistics = new Statistics(
    new Listeners(COMPRESSION_CHANNEL, options.onEvent, 'compression onEvent'),
  );
  const encoding = new Encoding(options, statistics);
  let closed = false;

  const stages = defineStages({
    encode: (head, body, exchange) => encoding.whole(head, body, exchange),
    encoder: (head, exchange) => encoding.stream(head, exchange),
    head: (head, exchange) => encoding.finish(head, exchange),
  });

  return defineMiddleware({
    name: 'compression',
    phase: 'shape',
    priority: 90,
    reason: 'the cache behind it keeps plain bodies; stages decide the rest',
    step(exchange) {
      if (!closed) exchange.tap(stages);
    },
    stats: () => ({
      ...statistics.read(),
      running: encoding.running,
      streams: encoding.streams,
    }),
    close() {
      closed = true;
    },
  });
}

/** Makes a compression of its own; see `CompressionOptions`. */
export const compression: CompressionFactory = Object.freeze(
  Object.assign(make, { filter: mediaTypeFilter }),
);
