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
  /** True, or the fields that it is about, in lower case. */
  readonly private: true | readonly string[] | undefined;
  readonly public: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  readonly noTransform: boolean;
  /** RFC 8246. */
  readonly immutable: boolean;
  /** Of requests. */
  readonly onlyIfCached: boolean;
  /** Some of it could not be read as it stands. */
  readonly invalid: boolean;
}

type Writable = { -readonly [K in keyof Directives]: Directives[K] };

/** RFC 9111 §1.2.2: a number that is too large is this one. */
const MAX_SECONDS = 2 ** 31;
/** Stands for an argument that nobody can read. */
const MALFORMED: unique symbol = Symbol('malformed');
type Argument = string | typeof MALFORMED | undefined;

const DURATIONS: ReadonlyMap<string, keyof Directives> = new Map<string, keyof Directives>([
  ['max-age', 'maxAgeSeconds'],
  ['s-maxage', 'sMaxageSeconds'],
  ['stale-while-revalidate', 'staleWhileRevalidateSeconds'],
  ['stale-if-error', 'staleIfErrorSeconds'],
  ['min-fresh', 'minFreshSeconds'],
  ['max-stale', 'maxStaleSeconds'],
]);

/** These forbid or ask for more care: they count however they are written. */
const RESTRICTIONS: ReadonlyMap<string, keyof Directives> = new Map<string, keyof Directives>([
  ['no-store', 'noStore'],
  ['must-revalidate', 'mustRevalidate'],
  ['proxy-revalidate', 'proxyRevalidate'],
  ['no-transform', 'noTransform'],
  ['only-if-cached', 'onlyIfCached'],
]);

/** These allow: they count only as they should be written. */
const PERMISSIONS: ReadonlyMap<string, keyof Directives> = new Map<string, keyof Directives>([
  ['public', 'public'],
  ['must-understand', 'mustUnderstand'],
  ['immutable', 'immutable'],
]);

const TOKEN = "[!#$%&'*+.^`|~\\w-]+";
const QUOTED = String.raw`"((?:[^"\\]|\\.)*)"`;
/** All up to the next comma outside of quoted strings, or to a quote that is never closed. */
const MEMBER = /(?:[^",]|"(?:[^"\\]|\\.)*")*/y;
/** A token, and an argument that is a token or a quoted string, without blanks (RFC 9111 §5.2). */
const DIRECTIVE = new RegExp(`^[ \\t]*(${TOKEN})(?:=(?:(${TOKEN})|${QUOTED}))?[ \\t]*$`);
/** What a malformed member was about. */
const NAME = new RegExp(`^[ \\t]*(${TOKEN})`);
const IS_TOKEN = new RegExp(`^${TOKEN}$`);

/** Reads `Cache-Control`, of one line or several. Never throws. */
export function parseCacheControl(lines: string | readonly string[] | undefined): Directives {
  const found = nothing();
  if (typeof lines === 'string') readLine(found, lines);
  else for (const line of lines ?? []) readLine(found, line);
  return found;
}

function readLine(found: Writable, line: string): void {
  let at = 0;
  while (at < line.length) {
    MEMBER.lastIndex = at;
    MEMBER.test(line);
    const end = MEMBER.lastIndex;
    if (line[end] === '"') {
      // Where a quote is never closed, restrictions behind it must not get lost, and nothing else is trusted.
      for (const part of line.slice(at).split(',')) readMember(found, part, true);
      return;
    }
    readMember(found, line.slice(at, end), false);
    at = end + 1;
  }
}

function readMember(found: Writable, member: string, distrusted: boolean): void {
  const directive = distrusted ? null : DIRECTIVE.exec(member);
  if (directive !== null) {
    const [, name, token, quoted] = directive;
    apply(found, name!.toLowerCase(), token ?? quoted?.replaceAll(/\\(.)/g, '$1'));
  } else if (distrusted || /[^ \t]/.test(member)) {
    found.invalid = true;
    const name = NAME.exec(member)?.[1];
    if (name !== undefined) apply(found, name.toLowerCase(), MALFORMED);
    // Where a comma is missing, restrictions must not get lost either.
    for (const word of member.toLowerCase().split(/[^a-z-]+/)) {
      if (!DURATIONS.has(word)) apply(found, word, MALFORMED);
    }
  }
}

/**
 * Reads a targeted field (RFC 9213 §2.1): a Structured Field Dictionary. Nothing where it
 * is empty or no such dictionary: then it is as if it were not there. A value of a type
 * that is not the directive's own is ignored.
 */
export function targetedDirectives(field: string | undefined): Directives | undefined {
  if (field === undefined) return undefined;
  const members = dictionaryOf(field);
  if (members === undefined || members.size === 0) return undefined;
  const found = nothing();
  const decimals = decimalsOf(field);
  for (const [name, [value]] of members) {
    if (DURATIONS.has(name)) {
      if (Number.isInteger(value) && !decimals.has(name)) apply(found, name, String(value));
    } else if (value === true) {
      apply(found, name, undefined);
    } else if (typeof value === 'string' && (name === 'no-cache' || name === 'private')) {
      apply(found, name, value);
    }
  }
  return found;
}

function dictionaryOf(field: string): ReturnType<typeof parseDictionary> | undefined {
  try {
    return parseDictionary(field);
  } catch {
    return undefined;
  }
}

/** Members written as Decimals, which the parsed value does not show: 10.0 is no Integer. */
function decimalsOf(field: string): ReadonlySet<string> {
  if (!field.includes('.')) return NO_NAMES;
  const bare = field.replaceAll(/"(?:[^"\\]|\\.)*"/g, '');
  return new Set([...bare.matchAll(/(?:^|[\t ,])([a-z-]+)=-?\d+\./g)].map(([, name]) => name!));
}

const NO_NAMES: ReadonlySet<string> = new Set<string>();

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
    immutable: false,
    onlyIfCached: false,
    invalid: false,
  };
}

function apply(found: Writable, name: string, argument: Argument): void {
  const duration = DURATIONS.get(name);
  const restriction = RESTRICTIONS.get(name);
  const permission = PERMISSIONS.get(name);
  if (duration !== undefined) {
    const seconds = secondsOf(found, name, argument);
    const before = found[duration] as number | undefined;
    const stricter = name === 'min-fresh' ? Math.max : Math.min;
    found[duration] = (before === undefined ? seconds : stricter(before, seconds)) as never;
  } else if (restriction !== undefined) {
    found[restriction] = true as never;
  } else if (permission !== undefined) {
    if (argument === undefined) found[permission] = true as never;
    else found.invalid = true;
  } else if (name === 'no-cache') {
    found.noCache = fields(found.noCache, argument);
  } else if (name === 'private') {
    found.private = fields(found.private, argument);
  }
}

/** Digits only (RFC 9111 §1.2.2); anything else is read as no time at all (§4.2.1). */
function secondsOf(found: Writable, name: string, argument: Argument): number {
  if (name === 'max-stale' && argument === undefined) return Number.POSITIVE_INFINITY;
  if (typeof argument === 'string' && /^\d+$/.test(argument)) {
    return Math.min(Number(argument), MAX_SECONDS);
  }
  found.invalid = true;
  return 0;
}

/** `no-cache` and `private` may be about some fields only; without a list of names they are about all. */
function fields(
  before: true | readonly string[] | undefined,
  argument: Argument,
): true | readonly string[] {
  if (before === true || typeof argument !== 'string') return true;
  const names = argument
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
  if (names.length === 0 || !names.every((name) => IS_TOKEN.test(name))) return true;
  return [...(before ?? []), ...names];
}
