/**
 * Calls to others: `fetch`, and an interceptor for undici's dispatchers, which add a
 * request's correlation to the headers of what is sent. Headers that the caller has
 * set stay as they are.
 */
import type { Correlated } from '@org/core';

/** Where correlation is sent: hosts (`.example.com` for all below one), or a decision. */
export type Destinations = readonly string[] | ((url: URL) => boolean);

/** Writes the correlation of `from`, or of the current context, into headers. */
export type Inject = (headers: Headers | Record<string, unknown>, from?: Correlated) => unknown;

/** Options of a dispatch, as far as they matter here. */
export interface Dispatched {
  readonly origin?: string | URL | undefined;
  readonly headers?: unknown;
}

/** An interceptor for `dispatcher.compose()` of undici. */
export type Interceptor = <O extends Dispatched, H>(
  dispatch: (options: O, handler: H) => boolean,
) => (options: O, handler: H) => boolean;

/** Compiles the destinations. */
export function destinations(to: Destinations | undefined): (url: string | URL) => boolean {
  if (to === undefined) return () => true;
  const allows =
    typeof to === 'function'
      ? to
      : ({ hostname, host }: URL) =>
          to.some((one) =>
            one.startsWith('.')
              ? hostname.endsWith(one.toLowerCase())
              : one.toLowerCase() === hostname || one.toLowerCase() === host,
          );
  return (url) => URL.canParse(String(url)) && allows(new URL(url));
}

/** Makes a `fetch` that carries correlation. */
export function correlatedFetch(
  inject: Inject,
  allows: (url: string | URL) => boolean,
  from?: Correlated,
): typeof fetch {
  return function correlated(input, init) {
    const request = typeof input === 'object' && 'url' in input ? input : undefined;
    if (!allows(request?.url ?? (input as string | URL))) return fetch(input, init);
    const headers = new Headers(init?.headers ?? request?.headers);
    inject(headers, from);
    return fetch(input, { ...init, headers });
  };
}

/** Makes an interceptor that carries correlation. */
export function correlatedInterceptor(
  inject: Inject,
  allows: (url: string | URL) => boolean,
  from?: Correlated,
): Interceptor {
  return (dispatch) => (options, handler) => {
    if (options.origin === undefined || !allows(options.origin)) return dispatch(options, handler);
    return dispatch(
      { ...options, headers: withCorrelation(options.headers, inject, from) },
      handler,
    );
  };
}

type Pair = readonly [name: string, value: unknown];

/** undici takes headers as a flat list, as pairs, or as an object; the list keeps several lines of one name. */
function withCorrelation(headers: unknown, inject: Inject, from: Correlated | undefined): unknown {
  const pairs = pairsOf(headers);
  const present: Record<string, unknown> = Object.fromEntries(pairs);
  const before = new Set(Object.keys(present).map((name) => name.toLowerCase()));
  inject(present, from);
  const added = Object.entries(present).filter(([name]) => !before.has(name.toLowerCase()));
  return Array.isArray(headers) || isIterable(headers)
    ? [...pairs, ...added].flat()
    : Object.fromEntries([...pairs, ...added]);
}

function pairsOf(headers: unknown): Pair[] {
  if (typeof headers !== 'object' || headers === null) return [];
  if (!isIterable(headers)) return Object.entries(headers);
  const list = [...headers];
  if (list.every((one) => Array.isArray(one))) return list as unknown as Pair[];
  return list.flatMap((name, at): Pair[] =>
    at % 2 === 0 ? [[String(name), list[at + 1]] as const] : [],
  );
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}
