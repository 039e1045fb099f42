/**
 * The key under which answers are stored: origin, path and query. Queries that mean the
 * same have the same (RFC 3986 §6.2.2); beyond that, whatever an application may tell apart
 * has a key of its own, or one request could put its answer in the place of another's.
 */

/** Which parts of a query count. Names are compared decoded. */
export interface KeyOptions {
  /** Only these count. @default all */
  readonly allowQuery?: readonly string[] | undefined;
  /** These do not; `utm_*` is a prefix. */
  readonly ignoreQuery: readonly string[];
  /** Whether the order of parameters of different names is of no account. */
  readonly sortQuery: boolean;
  /** Longer keys are none, in characters. */
  readonly maxKeyLength: number;
}

/**
 * Makes the key of a URL's path and query at an origin. Nothing where it is too long, or
 * where the origin is none. Never throws.
 */
export type MakeKey = (origin: string, url: string) => string | undefined;

/** A Host with a path in it would make its address that of another host's path (RFC 9110 §7.2). */
const ORIGIN = /^(?:[a-z][a-z0-9+.-]*:\/\/[^/?#\\\s]*)?$/;
const SLASH = 0x2f;
/** Parsers stop somewhere (Node's and qs at 1,000): with more, all of them count, in their order. */
const MAX_PARAMETERS = 100;

/** Prepares the making of keys. */
export function makeKeyOf(options: KeyOptions): MakeKey {
  const { maxKeyLength } = options;
  const queryOf = queries(options);
  // Requests come by the same name, mostly.
  let known = '';
  return (origin, url) => {
    // A target in absolute form names an authority of its own (RFC 9112 §3.2.2).
    if (url.charCodeAt(0) !== SLASH) return undefined;
    if (origin !== known) {
      if (!ORIGIN.test(origin)) return undefined;
      known = origin;
    }
    // A fragment, which no request should have, ends what parsers see: nothing may hide it.
    const asIs = !url.includes('?') || url.includes('#');
    const key = origin + (asIs ? url : addressOf(url, queryOf));
    return key.length > maxKeyLength ? undefined : key;
  };
}

/** The path stays as it was sent, as routers compare it: in another spelling it leads elsewhere. */
function addressOf(url: string, queryOf: (query: string) => string | undefined): string {
  const at = url.indexOf('?');
  const query = queryOf(url.slice(at + 1));
  const path = url.slice(0, at);
  return query === undefined ? path : `${path}?${query}`;
}

interface Parameter {
  readonly name: string;
  readonly text: string;
}

/** Prepares the normalisation of queries; nothing is left of one in which nothing counts. */
function queries(options: KeyOptions): (query: string) => string | undefined {
  const counts = counting(options);
  return (query) => {
    const sorts = options.sortQuery && query.includes('&');
    if (counts === undefined && !sorts) return normalise(query);
    const parts = query.split('&');
    if (parts.length > MAX_PARAMETERS) return query;
    let parameters = parts.map(parameterOf);
    if (counts !== undefined) parameters = parameters.filter(({ name }) => counts(name));
    if (parameters.length === 0) return undefined;
    // The order among the same names carries meaning, and sorting keeps it.
    if (sorts) parameters.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    return parameters.map(({ text }) => text).join('&');
  };
}

/** Whether a parameter counts; nothing where all do. */
function counting({
  allowQuery,
  ignoreQuery,
}: KeyOptions): ((name: string) => boolean) | undefined {
  if (allowQuery === undefined && ignoreQuery.length === 0) return undefined;
  const allowed = allowQuery === undefined ? undefined : new Set(allowQuery);
  const ignored = new Set(ignoreQuery);
  const prefixes = ignoreQuery
    .filter((pattern) => pattern.endsWith('*'))
    .map((pattern) => pattern.slice(0, -1));
  return (name) =>
    (allowed === undefined || allowed.has(name) || allowed.has(ownerOf(name))) &&
    !ignored.has(name) &&
    !prefixes.some((prefix) => name.startsWith(prefix));
}

/** To some parsers `q[]`, `q[a]` and `[q]` are values of `q`. */
function ownerOf(name: string): string {
  return /^\[?([^[\]]*)/.exec(name)![1]!;
}

function parameterOf(part: string): Parameter {
  const text = normalise(part);
  const end = text.indexOf('=');
  return { name: decode(end === -1 ? text : text.slice(0, end)), text };
}

function decode(name: string): string {
  const spaced = name.replaceAll('+', ' ');
  return spaced.includes('%') && isDecodable(spaced) ? decodeURIComponent(spaced) : spaced;
}

/** Upper-case hex, and no coding of what needs none (RFC 3986 §6.2.2.1, §6.2.2.2). */
function normalise(text: string): string {
  // What cannot be decoded is left as it is by some parsers, and made something of by others.
  if (!text.includes('%') || !isDecodable(text)) return text;
  return text.replaceAll(/%[0-9a-f]{2}/gi, (coded) => {
    const character = String.fromCharCode(Number.parseInt(coded.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : coded.toUpperCase();
  });
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
