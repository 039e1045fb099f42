/**
 * Cache directives, of requests and answers: `Cache-Control` (RFC 9111 §5.2) and the
 * targeted fields of RFC 9213. Read once, into one shape; what contradicts itself or is
 * malformed is read in the way that stores and serves less.
 */
import { parseDictionary } from 'structured-headers';

/** Directives that were understood. Durations in seconds, as the field has them. */
export interface Directives {
  readonly maxAgeSeconds: number | undefined;
  readonly sMaxageSeconds: number | undefined;
  readonly staleWhileRevalidateSeconds: number | undefined;
  readonly staleIfErrorSeconds: number | undefined;
  /** Of requests. */
  readonly minFreshSeconds: number | undefined;
  /** Of requests; Infinity where it has no argument. */
  readonly maxStaleSeconds: number | undefined;
  readonly noStore: boolean;
  /** True, or the fields that it is about, in lower case. */
  readonly noCache: true | readonly string[] | undefined;
  readonly private: true | readonly string[] | undefined;
  readonly public: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  readonly noTransform: boolean;
  readonly onlyIfCached: boolean;
}

type Writable = { -readonly [K in keyof Directives]: Directives[K] };

/** RFC 9111 §1.2.2: a number that is too large is this one. */
const MAX_SECONDS = 2 ** 31;

/** One directive after another: a token, and an argument that is a token or a quoted string (RFC 9111 §5.2). */
const DIRECTIVE =
  /[\s,]*([!#$%&'*+.^`|~\w-]*)(?:(\s*=\s*)(?:"((?:[^"\\]|\\.)*)"?|([^\s,";]*)))?([^,]*)/gy;

/** Reads `Cache-Control`. Never throws. */
export function parseCacheControl(field: string | undefined): Directives {
  const found = nothing();
  if (field === undefined) return found;
  DIRECTIVE.lastIndex = 0;
  // Every match takes all up to the next comma: what is no directive is passed over.
  while (DIRECTIVE.lastIndex < field.length) {
    const at = DIRECTIVE.exec(field);
    if (at === null) break;
    const [, name, equals, quoted, token, rest] = at;
    const argument = equals === undefined ? undefined : (quoted ?? token);
    // Nothing stands around "=" or behind an argument (RFC 9111 §5.2); with it, it is none that is valid.
    const malformed = (equals !== undefined && equals !== '=') || rest!.trim() !== '';
    apply(found, name!.toLowerCase(), malformed ? MALFORMED : argument);
  }
  return found;
}

/**
 * Reads a targeted field (RFC 9213 §2.1): a Structured Field Dictionary. Nothing where it
 * is empty or no such dictionary: then it is as if it were not there.
 */
export function targetedDirectives(field: string | undefined): Directives | undefined {
  if (field === undefined) return undefined;
  const found = nothing();
  let size = 0;
  try {
    for (const [name, [value]] of parseDictionary(field)) {
      size++;
      if (DURATIONS.has(name)) {
        // Another type than an Integer is no argument that is known.
        if (Number.isInteger(value)) apply(found, name, String(value));
      } else if (value === true) {
        apply(found, name, undefined);
      }
    }
  } catch {
    return undefined;
  }
  return size === 0 ? undefined : found;
}

/** Stands for an argument that nobody can read. */
const MALFORMED = '\u0000';

const DURATIONS: ReadonlyMap<string, keyof Directives> = new Map<string, keyof Directives>([
  ['max-age', 'maxAgeSeconds'],
  ['s-maxage', 'sMaxageSeconds'],
  ['stale-while-revalidate', 'staleWhileRevalidateSeconds'],
  ['stale-if-error', 'staleIfErrorSeconds'],
  ['min-fresh', 'minFreshSeconds'],
  ['max-stale', 'maxStaleSeconds'],
]);

const FLAGS: ReadonlyMap<string, keyof Directives> = new Map<string, keyof Directives>([
  ['no-store', 'noStore'],
  ['public', 'public'],
  ['must-revalidate', 'mustRevalidate'],
  ['proxy-revalidate', 'proxyRevalidate'],
  ['must-understand', 'mustUnderstand'],
  ['no-transform', 'noTransform'],
  ['only-if-cached', 'onlyIfCached'],
]);

function nothing(): Writable {
  return {
    maxAgeSeconds: undefined,
    sMaxageSeconds: undefined,
    staleWhileRevalidateSeconds: undefined,
    staleIfErrorSeconds: undefined,
    minFreshSeconds: undefined,
    maxStaleSeconds: undefined,
    noStore: false,
    noCache: undefined,
    private: undefined,
    public: false,
    mustRevalidate: false,
    proxyRevalidate: false,
    mustUnderstand: false,
    noTransform: false,
    onlyIfCached: false,
  };
}

function apply(found: Writable, name: string, argument: string | undefined): void {
  const duration = DURATIONS.get(name);
  if (duration !== undefined) {
    const seconds = secondsOf(name, argument);
    const before = found[duration] as number | undefined;
    const stricter = name === 'min-fresh' ? Math.max : Math.min;
    found[duration] = (before === undefined ? seconds : stricter(before, seconds)) as never;
    return;
  }
  const flag = FLAGS.get(name);
  if (flag !== undefined) {
    found[flag] = true as never;
    return;
  }
  if (name === 'no-cache') found.noCache = fields(found.noCache, argument);
  else if (name === 'private') found.private = fields(found.private, argument);
}

/** Digits only (RFC 9111 §1.2.2); anything else is read as no time at all (§4.2.1). */
function secondsOf(name: string, argument: string | undefined): number {
  if (name === 'max-stale' && argument === undefined) return Number.POSITIVE_INFINITY;
  if (argument === undefined || !/^\d+$/.test(argument)) return 0;
  return Math.min(Number(argument), MAX_SECONDS);
}

/** `no-cache` and `private` may be about some fields only; without a list they are about all. */
function fields(
  before: true | readonly string[] | undefined,
  argument: string | undefined,
): true | readonly string[] {
  const names = (argument ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== MALFORMED);
  if (before === true || names.length === 0) return true;
  return [...(before ?? []), ...names];
}
