/** Filling the cache before anybody asks, through the application's own handlers. */
import type { IncomingHttpHeaders } from 'node:http';
import { OptionError } from '@org/core';
import type { Express } from 'express';

import type { Refreshing } from './refreshing.ts';
import type { Whole } from './whole.ts';

/** How to warm up. */
export interface WarmOptions {
  /** The app to ask; known already under `setup`, and once a request has come. */
  readonly app?: Express | undefined;
  /** Requests under way at once. @default 4 */
  readonly concurrency?: number | undefined;
  /** Headers of the requests; `host` is part of the key, and must be the one that clients use. @default { host: "localhost" } */
  readonly headers?: IncomingHttpHeaders | undefined;
  /** Whether clients come by HTTPS; part of the key, too. @default false */
  readonly encrypted?: boolean | undefined;
}

/** What became of the addresses. */
export interface WarmReport {
  readonly stored: number;
  /** Answered, but not to be stored: see `refusedTotal` in the statistics. */
  readonly refused: readonly string[];
  /** Failed or cut off. */
  readonly failed: readonly string[];
}

const CONCURRENCY = 4;
/** A client that is nobody in particular: not local, so that it sees what strangers see (RFC 1122 §3.2.1.3). */
const NOBODY = '0.0.0.0';

/**
 * Asks for every address once.
 * @throws OptionError while nothing is known of the app
 */
export async function warm(
  urls: Iterable<string> | AsyncIterable<string>,
  options: WarmOptions,
  whole: Whole,
  refreshing: Refreshing,
): Promise<WarmReport> {
  const listener = whole.listener(options.app);
  if (listener === undefined) {
    throw new OptionError('cache', [
      'warm() does not know the app yet: pass it as { app }, or use setup.',
    ]);
  }
  const { headers = { host: 'localhost' }, encrypted = false, concurrency = CONCURRENCY } = options;
  const refused: string[] = [];
  const failed: string[] = [];
  let stored = 0;
  const ask = async (url: string): Promise<void> => {
    const init = { url, headers, encrypted, remoteAddress: NOBODY };
    const landing = await refreshing.send(listener, init, undefined);
    if (typeof landing === 'object') stored++;
    else (landing === 'unshared' ? refused : failed).push(url);
  };
  const under = new Set<Promise<void>>();
  for await (const url of urls) {
    const asked = ask(url).finally(() => under.delete(asked));
    under.add(asked);
    if (under.size >= concurrency) await Promise.race(under);
  }
  await Promise.all(under);
  return { stored, refused, failed };
}
