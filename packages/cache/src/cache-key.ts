/**
 * The key under which answers are stored: origin, path and query, in a form in which
 * addresses that mean the same are the same (RFC 3986 §6.2.2), and no others.
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

/** Makes the key of a URL's path and query at an origin; nothing where it is too long. Never throws. */
export type MakeKey = (origin: string, url: string) => string | undefined;

/** Prepares the making of keys. */
export function makeKeyOf(options: KeyOptions): MakeKey {
  const { maxKeyLength } = options;
  const queryOf = queries(options);
  return (origin, url) => {
    const key = /[?%#]/.test(url) ? origin + addressOf(url, queryOf) : origin + url;
    return key.length > maxKeyLength ? undefined : key;
  };
}

function addressOf(url: string, queryOf: (query: string) => string): string {
  const fragment = url.indexOf('#');
  const whole = fragment === -1 ? url : url.slice(0, fragment);
  const at = whole.indexOf('?');
  if (at === -1) return normalise(whole);
  const query = queryOf(whole.slice(at + 1));
  const path = normalise(whole.slice(0, at));
  return query === '' ? path : `${path}?${query}`;
}

interface Parameter {
  readonly name: string;
  readonly text: string;
}

/** Prepares the normalisation of queries. */
function queries(options: KeyOptions): (query: string) => string {
  const counts = counting(options);
  return (query) => {
    const sorts = options.sortQuery && query.includes('&');
    if (counts === undefined && !sorts) return normalise(query);
    let parameters = query.split('&').map(parameterOf);
    if (counts !== undefined) parameters = parameters.filter(({ name }) => counts(name));
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
    (allowed === undefined || allowed.has(name)) &&
    !ignored.has(name) &&
    !prefixes.some((prefix) => name.startsWith(prefix));
}

function parameterOf(part: string): Parameter {
  const text = normalise(part);
  const end = text.indexOf('=');
  return { name: decode(end === -1 ? text : text.slice(0, end)), text };
}

function decode(name: string): string {
  const spaced = name.replaceAll('+', ' ');
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** Upper-case hex, and no coding of what needs none (RFC 3986 §6.2.2.1, §6.2.2.2). */
function normalise(text: string): string {
  // A stray `%` could make a coding of what is decoded beside it: such a text stays as it is.
  if (!text.includes('%') || /%(?![0-9a-f]{2})/i.test(text)) return text;
  return text.replaceAll(/%[0-9a-f]{2}/gi, (coded) => {
    const character = String.fromCharCode(Number.parseInt(coded.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : coded.toUpperCase();
  });
}
