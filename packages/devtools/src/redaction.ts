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
  'otp',
  'totp',
];

/** Credentials of HTTP, and JSON Web Tokens, wherever they stand. */
const SECRET_TEXT =
  /\b(?:Bearer|Basic) +[\w\-.~+/=]{8,}|(?<![\w-])eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*/gi;

/** A name and its value in a query, a fragment, a form or a header. It begins where a name may: one look for each. */
const PAIR = /(?<![^\s?#&;,=])([^\s?#&;,=]+)=[^\s#&;,]*/g;

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
      const clean = (one: string): string => scrub(this.url(one));
      return [[name, Array.isArray(value) ? value.map(clean) : clean(String(value))] as const];
    });
    return { headers: Object.fromEntries(entries), secret };
  }

  /** An address, or a header that may hold some, without secrets in queries and fragments. */
  url(text: string): string {
    return text.includes('=') ? this.form(text).value : text;
  }

  /** A body's text without secrets, by its media type. */
  body(text: string, mediaType: string | undefined): Redacted<string> {
    if (mediaType === 'application/x-www-form-urlencoded') return this.form(text);
    if (isJson(mediaType)) {
      try {
        return this.json(JSON.parse(text), text);
      } catch {
        // Cut off, or no JSON: by its looks, then.
      }
    }
    return this.looks(text);
  }

  private form(text: string): Redacted<string> {
    const value = text.replaceAll(PAIR, (pair, name: string) =>
      this.hides(decoded(name)) ? `${name}=${REDACTED}` : pair,
    );
    return { value, hidden: value !== text };
  }

  private json(value: unknown, text: string): Redacted<string> {
    let hidden = false;
    const clean = (one: unknown, depth: number): unknown => {
      if (typeof one === 'string') {
        const scrubbed = scrub(one);
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
    const value = scrub(
      text.replaceAll(
        /"([^"\\]{1,100})"(\s*:\s*)(?:"(?:[^"\\]|\\.)*"?|[^\s,}\]]+)/g,
        (pair, name: string, between: string) =>
          this.hides(name) ? `"${name}"${between}"${REDACTED}"` : pair,
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

/** Hides what looks like a credential. */
export function scrub(text: string): string {
  return text.replaceAll(SECRET_TEXT, REDACTED);
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
