/**
 * The key under which answers are stored: origin, path and query, in a form in which
 * addresses that mean the same are the same (RFC 3986 §6.2.2), and no others.
 */

/** Which parts of a query count. */
export interface KeyOptions {
  /** Only these count. @default all */
  readonly allowQuery: readonly string[] | undefined;
  /** These do not; `utm_*` is a prefix. */
  readonly ignoreQuery: readonly string[];
  /** Whether the order of parameters is of no account. */
  readonly sortQuery: boolean;
  /** Longer keys are none, in characters. */
  readonly maxKeyLength: number;
}

/** Makes the key of a URL's path and query at an origin; nothing where it is too long. */
export type MakeKey = (origin: string, url: string) => string | undefined;

interface Parameter {
  readonly name: string;
  readonly text: string;
}

/** Prepares the making of keys. */
export function makeKeyOf(options: KeyOptions): MakeKey {
  const { maxKeyLength, sortQuery } = options;
  const counts = counting(options);
  return (origin, url) => {
    if (origin.length + url.length > maxKeyLength) return undefined;
    if (!/[?%#]/.test(url)) return origin + url;
    const fragment = url.indexOf('#');
    const whole = fragment === -1 ? url : url.slice(0, fragment);
    const at = whole.indexOf('?');
    if (at === -1) return origin + normalise(whole);
    const query = parametersOf(whole.slice(at + 1), counts, sortQuery);
    const path = normalise(whole.slice(0, at));
    return query === '' ? origin + path : `${origin}${path}?${query}`;
  };
}

function parametersOf(
  query: string,
  counts: ((name: string) => boolean) | undefined,
  sorts: boolean,
): string {
  if (!query.includes('&')) {
    const text = normalise(query);
    return counts === undefined || counts(nameOf(text)) ? text : '';
  }
  let parameters: Parameter[] = [];
  for (const part of query.split('&')) {
    if (part === '') continue;
    const text = normalise(part);
    parameters.push({ name: nameOf(text), text });
  }
  if (counts !== undefined) parameters = parameters.filter(({ name }) => counts(name));
  // The order among the same names carries meaning, and sorting keeps it.
  if (sorts) parameters.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return parameters.map(({ text }) => text).join('&');
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

function nameOf(parameter: string): string {
  const end = parameter.indexOf('=');
  const name = (end === -1 ? parameter : parameter.slice(0, end)).replaceAll('+', ' ');
  if (!name.includes('%')) return name;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Upper-case hex, and no coding of what needs none (RFC 3986 §6.2.2.1, §6.2.2.2). */
function normalise(text: string): string {
  if (!text.includes('%')) return text;
  return text.replaceAll(/%[0-9a-f]{2}/gi, (coded) => {
    const character = String.fromCharCode(Number.parseInt(coded.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : coded.toUpperCase();
  });
}
