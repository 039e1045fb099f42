/** One `query` that is replaced, so that its statements are heard of: in all forms of its calls. */
import { AsyncResource } from 'node:async_hooks';
import { callSite, type Clock, type Exchange, folderOfCaller, lineOf } from '@org/core';

import type { QueryRecord } from './query-record.ts';
import { type Method, replaced } from './replaced.ts';

/** Something that is asked by `query(text, …)`, and answers by a promise or a last function. */
export interface Queryable {
  // oxlint-disable-next-line typescript/no-explicit-any -- theirs have many forms
  query(...args: any[]): unknown;
}

/** What hears of statements. */
export interface Listener {
  readonly clock: Clock;
  /** The request that something is asked for now. */
  exchange(): Exchange | undefined;
  /** A statement is asked for. @returns whether it is worth remembering from where */
  asks(exchange: Exchange | undefined, text: string): boolean;
  hear(record: QueryRecord): void;
}

/** Loaders of this package ask, too. */
const HERE = folderOfCaller();

/**
 * @param isHeard whether it counts just now
 * @param around runs the original
 * @returns ends the watch
 */
export function watchQuery(
  target: Queryable,
  listener: Listener,
  isHeard: () => boolean = () => true,
  around: (run: () => unknown) => unknown = (run) => run(),
): () => void {
  return replaced(
    target,
    'query',
    (query) =>
      function observed(this: unknown, ...args) {
        const text = textOf(args[0]);
        if (text === undefined || !isHeard()) return around(() => query.apply(this, args));
        const exchange = listener.exchange();
        const site = listener.asks(exchange, text) ? callSite(observed) : undefined;
        const startMs = listener.clock.monotonicMs();
        const ended = (error: unknown, result: unknown): void =>
          listener.hear({
            exchange,
            text,
            durationMs: listener.clock.monotonicMs() - startMs,
            rows: rowsOf(result),
            error,
            // What was called from nowhere, or not sought, has the line that awaits it.
            get callSite() {
              return lineOf(site, HERE) ?? lineOf(callSite(ended), HERE);
            },
          });

        const last = args.length - 1;
        const callback = args[last];
        if (typeof callback === 'function') {
          args[last] = AsyncResource.bind((error: unknown, result: unknown): void => {
            ended(error ?? undefined, result);
            (callback as Method)(error, result);
          });
          return around(() => query.apply(this, args));
        }
        const answer = around(() => query.apply(this, args));
        if (isThenable(answer)) {
          const heard = answer.then(
            (result) => {
              ended(undefined, result);
              return result;
            },
            (error: unknown) => {
              ended(error ?? new Error('failed'), undefined);
              throw error;
            },
          );
          // Whoever awaits this is known to V8 when it ends.
          if (answer instanceof Promise) return heard;
          // What is more than a promise stays what it is.
          heard.then(undefined, () => undefined);
        } else {
          // A stream or a cursor: when it ends is its reader's to say.
          listener.hear({
            exchange,
            text,
            durationMs: Number.NaN,
            callSite: lineOf(site, HERE),
          });
        }
        return answer;
      },
  );
}

function textOf(asked: unknown): string | undefined {
  const text: unknown =
    typeof asked === 'object' && asked !== null
      ? (asked as { readonly text?: unknown }).text
      : asked;
  return typeof text === 'string' ? text : undefined;
}

/** `rowCount` of `pg`, `affectedRows` of PGlite, and the rows themselves. */
function rowsOf(result: unknown): number | undefined {
  if (typeof result !== 'object' || result === null) return undefined;
  const { rowCount, affectedRows, rows } = result as Record<string, unknown>;
  if (typeof rowCount === 'number') return rowCount;
  if (Array.isArray(rows) && rows.length > 0) return rows.length;
  return typeof affectedRows === 'number' ? affectedRows : undefined;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}
