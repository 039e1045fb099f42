/** Secrets are not kept: what stands under their names is replaced before anything is stored. */

import type { OutgoingHttpHeaders } from 'node:http';

/** What stands in place of a secret. */
export const REDACTED = '[redacted]';

/** Names of headers and fields that hold secrets, without case, dashes and underscores; `*` is an ending. */
const SECRET_NAMES: readonly string[] = [
  'authorization',
  'proxyauthorization',
  'cookie',
  'setcookie',
  '*password',
  'passwd',
  'pass',
  'pwd',
  '*passphrase',
  '*secret',
  '*token',
  '*apikey',
  '*accesskey',
  '*secretkey',
  '*privatekey',
  'credentials',
  '*sessionid',
  'creditcard',
  'cardnumber',
  'cvv',
  'cvc',
  'ssn',
  '*signature',
  'sig',
  'otp',
  'totp',
];

/**
 * Credentials wherever they stand: of HTTP, JSON Web Tokens, user and password of a URL, private
 * keys, and keys of services that say what they are.
 */
const SECRET_TEXT =
  /\b(?:Bearer|Basic) +[\w\-.~+/=]{8,}|(?<![\w-])eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*|(?<=:\/\/)[^\s/:@]{0,256}:[^\s/@]{1,256}(?=@)|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^]*?(?:-----END|$)|\b(?:(?:sk|rk)_(?:live|test)_\w{8,}|gh[opsur]_\w{20,}|github_pat_\w{20,}|xox[abprs]-[\w-]{10,}|A(?:KIA|SIA)[A-Z\d]{16}\b)/gi;

/** A name and its value in a query, a fragment, a form or a header. It begins where a name may: one look for each. */
const PAIR = /(?<![^\s?#&;,=])([^\s?#&;,=]+)=[^\s#&;,]*/g;

/** The same in JSON whose end is missing, and in XML. */
const JSON_PAIR = /"([^"\\]{1,100})"(\s*:\s*)(?:"(?:[^"\\]|\\.)*"?|[^\s,}\]]+)/g;
const XML_PAIR = /<([\w:.-]{1,100})(\s[^<>]{0,1000})?>[^<]+(?=<)/g;

/** A text, and whether something of it was hidden. */
export interface Redacted<T> {
  readonly value: T;
  readonly hidden: boolean;
}

/** How deep values are looked into; what is deeper is hidden whole. */
const MAX_DEPTH = 64;

export class Redaction {
  private readonly exact: ReadonlySet<string>;
  private readonly endings: readonly string[];

  /** @param names further names of secrets; `*` in front takes every name with that ending */
  constructor(names: readonly string[]) {
    const all = [...SECRET_NAMES, ...names];
    this.exact = new Set(all.filter((name) => !name.startsWith('*')).map(normal));
    this.endings = all.filter((name) => name.startsWith('*')).map(normal);
  }

  hides(name: string): boolean {
    const plain = normal(name);
    return this.exact.has(plain) || this.endings.some((ending) => plain.endsWith(ending));
  }

  /** Headers without secrets; the names of those that had some. */
  headers(given: Readonly<OutgoingHttpHeaders>): {
    readonly headers: Readonly<Record<string, string | readonly string[]>>;
    readonly secret: readonly string[];
  } {
    const secret: string[] = [];
    const entries = Object.entries(given).flatMap(([name, value]) => {
      if (value === undefined) return [];
      if (this.hides(name)) {
        secret.push(name);
        return [[name, REDACTED] as const];
      }
      const clean = (one: string): string => this.text(one);
      return [[name, Array.isArray(value) ? value.map(clean) : clean(String(value))] as const];
    });
    return { headers: Object.fromEntries(entries), secret };
  }

  /** An address, a header, a message: without secrets by their name, and without what looks like a credential. */
  text(text: string): string {
    const open = text.includes('=')
      ? text.replaceAll(PAIR, (pair, name: string) =>
          this.hides(decoded(name)) ? `${name}=${REDACTED}` : pair,
        )
      : text;
    return open.replaceAll(SECRET_TEXT, REDACTED);
  }

  /** A body's text without secrets, by its media type. */
  body(text: string, mediaType: string | undefined): Redacted<string> {
    try {
      if (isJson(mediaType)) return this.json(JSON.parse(text), text);
      if (mediaType !== undefined && /ndjson$|jsonl$/.test(mediaType)) return this.lines(text);
    } catch {
      // Cut off, or no JSON: by its looks, then.
    }
    return this.looks(text);
  }

  /** A JSON document a line, of which the last may be cut off. */
  private lines(text: string): Redacted<string> {
    const all = text.split('\n');
    const lines = all.map((line, at) => {
      if (line.trim() === '') return { value: line, hidden: false };
      return at === all.length - 1 ? this.looks(line) : this.json(JSON.parse(line), line);
    });
    return {
      value: lines.map(({ value }) => value).join('\n'),
      hidden: lines.some(({ hidden }) => hidden),
    };
  }

  private json(value: unknown, text: string): Redacted<string> {
    let hidden = false;
    const clean = (one: unknown, depth: number): unknown => {
      if (typeof one === 'string') {
        const scrubbed = this.text(one);
        hidden ||= scrubbed !== one;
        return scrubbed;
      }
      if (typeof one !== 'object' || one === null) return one;
      if (depth > MAX_DEPTH) {
        hidden = true;
        return REDACTED;
      }
      if (Array.isArray(one)) return one.map((member) => clean(member, depth + 1));
      return Object.fromEntries(
        Object.entries(one).map(([name, member]) => {
          if (!this.hides(name)) return [name, clean(member, depth + 1)];
          hidden = true;
          return [name, REDACTED];
        }),
      );
    };
    const made = clean(value, 0);
    return { value: hidden ? JSON.stringify(made) : text, hidden };
  }

  private looks(text: string): Redacted<string> {
    const value = this.text(
      text
        .replaceAll(JSON_PAIR, (pair, name: string, between: string) =>
          this.hides(name) ? `"${name}"${between}"${REDACTED}"` : pair,
        )
        .replaceAll(XML_PAIR, (pair, name: string, attributes: string = '') =>
          this.hides(name) ? `<${name}${attributes}>${REDACTED}` : pair,
        ),
    );
    return { value, hidden: value !== text };
  }
}

/** The media type of a `Content-Type`, without parameters and in lower case. */
export function mediaTypeOf(contentType: unknown): string | undefined {
  return typeof contentType === 'string'
    ? contentType.split(';')[0]!.trim().toLowerCase()
    : undefined;
}

export function isJson(mediaType: string | undefined): boolean {
  return mediaType !== undefined && /[/+]json$/.test(mediaType);
}

function normal(name: string): string {
  return name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
