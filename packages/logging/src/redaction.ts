/**
 * What must not be written, by three rules: the key's name wherever it stands, a
 * path from the line's root, and a pattern inside any text. Rules are compiled once.
 */
import { OptionError } from '@org/core';

/** What stands in place of a secret. */
export const REDACTED = '[redacted]';

/** Keys that name secrets; `*` at the start means "ends with". */
export const SECRET_KEYS: readonly string[] = Object.freeze([
  'authorization',
  'proxyauthorization',
  'cookie',
  'cookies',
  'setcookie',
  '*password',
  'passwd',
  'pwd',
  '*passphrase',
  '*secret',
  '*token',
  '*apikey',
  '*privatekey',
  'credentials',
  'connectionstring',
  'sessionid',
  'creditcard',
  'cardnumber',
  'cvv',
  'cvc',
  'ssn',
]);

/**
 * Credentials of HTTP, JSON Web Tokens, and user:password in a URL. A token is looked for
 * only where its kind of characters begins and a dot ends it: clients choose what is searched,
 * and a search that began at every dash would take the square of its length.
 */
export const SECRET_PATTERNS: readonly RegExp[] = Object.freeze([
  /\b(?:Bearer|Basic)\s+[\w\-.~+/=]{8,}|(?<![\w-])(?=[\w-]+\.[\w-]{8,}\.)[\w-]*?\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*|(?<=:\/\/)[^\s/:@]{0,256}:[^\s/@]{1,256}(?=@)/i,
]);

/** Each built-in pattern needs one of these; most texts of an access line have none, and are done. */
const SECRET_HINT = /[\s.:]/;

/** A step on the way of a redacted path. */
export interface PathNode {
  readonly next: Map<string, PathNode>;
  /** The path ends here: what it leads to is hidden. */
  end: boolean;
}

/** How many key names are remembered with their verdict. */
const MAX_KNOWN_KEYS = 1000;

/** The rules of one logging instance. */
export class Redaction {
  /** Where paths begin; empty when there are none. */
  readonly roots: readonly PathNode[];
  private readonly exact: ReadonlySet<string>;
  private readonly endings: readonly string[];
  private readonly patterns: readonly RegExp[];
  private readonly builtIn: readonly RegExp[];
  private readonly known: Map<string, boolean> = new Map();

  constructor(keys: readonly string[], paths: readonly string[], patterns: readonly RegExp[]) {
    const normal = keys.map((key) => ({ ending: key.startsWith('*'), name: normalize(key) }));
    this.exact = new Set(normal.map(({ name }) => name));
    this.endings = normal.filter(({ ending }) => ending).map(({ name }) => name);
    const own = patterns.filter((pattern) => !SECRET_PATTERNS.includes(pattern));
    this.patterns = own.map(globally);
    this.builtIn = patterns.filter((pattern) => !own.includes(pattern)).map(globally);
    this.roots = paths.length === 0 ? [] : [compile(paths)];
  }

  /** Whether what stands under this key is secret, whatever its case, dashes and underscores. */
  hidesKey(key: string): boolean {
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const name = normalize(key);
    const hides = this.exact.has(name) || this.endings.some((ending) => name.endsWith(ending));
    if (this.known.size < MAX_KNOWN_KEYS && key.length <= 100) this.known.set(key, hides);
    return hides;
  }

  /** The text with every secret part replaced; the very same text when there is none. */
  scrub(text: string): string {
    let clean = text;
    if (this.builtIn.length > 0 && SECRET_HINT.test(text)) {
      for (const pattern of this.builtIn) clean = clean.replace(pattern, REDACTED);
    }
    for (const pattern of this.patterns) clean = clean.replace(pattern, REDACTED);
    return clean;
  }
}

/** Where the paths stand after one more key. */
export function descend(nodes: readonly PathNode[], key: string): readonly PathNode[] {
  if (nodes.length === 0) return nodes;
  const found: PathNode[] = [];
  for (const { next } of nodes) {
    const named = next.get(key);
    if (named !== undefined) found.push(named);
    const any = next.get('*');
    if (any !== undefined) found.push(any);
  }
  return found;
}

/** An own copy: a global expression that is shared keeps state between calls. */
function globally({ source, flags }: RegExp): RegExp {
  return new RegExp(source, `${flags.replace(/[gy]/g, '')}g`);
}

function normalize(key: string): string {
  return key.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

function compile(paths: readonly string[]): PathNode {
  const root: PathNode = { next: new Map(), end: false };
  for (const path of paths) {
    const keys = path.replace(/\[(\w+|\*)\]/g, '.$1').split('.');
    if (keys.includes('')) {
      throw new OptionError('logging', [
        `a path of redactPaths must be like "user.card" or "items.*.card", but is ${JSON.stringify(path)}.`,
      ]);
    }
    let node = root;
    for (const key of keys) {
      let next = node.next.get(key);
      if (next === undefined) node.next.set(key, (next = { next: new Map(), end: false }));
      node = next;
    }
    node.end = true;
  }
  return root;
}
