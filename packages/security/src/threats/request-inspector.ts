/**
 * Inspects the parts of a request: path, query, chosen headers and cookies; and a body as
 * parsers hand it over. Bounded in depth, names, values and text: what has more than a request
 * needs is itself a finding. Knows plain values only, so that logs can be inspected, too.
 */
import { charactersOf, HAS } from './characters.ts';
import type { CleanValues } from './clean-values.ts';
import { decodeUrl } from './decode-url.ts';
import { excerptOf, type Finding, type Part, type Place } from './finding.ts';
import { graphqlStrings, isGraphql } from './graphql.ts';
import { PROTOCOL_HEADERS } from './header-names.ts';
import type { FieldKind, Inspector } from './inspector.ts';
import { walk } from './walk.ts';
import { xmlValues } from './xml.ts';

/** How a field is looked at; `false`: not at all. */
export type Field = FieldKind | false;

/** What is known of the fields of a route, by name (`bio`) or by path (`user.bio`, `items[].title`). */
export type Fields = Readonly<Record<string, Field>>;

export interface RequestLimits {
  /** Depth of objects and lists. */
  readonly maxDepth: number;
  /** Members and elements of a body, or parameters of a query. */
  readonly maxKeys: number;
  /** Characters of text that are looked at in one request. */
  readonly maxTextLength: number;
}

/** The names in capitals do not matter. */
export type HeaderValues = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A file of a multipart body, as the usual parsers name its parts. */
export interface UploadedFile {
  readonly fieldname?: unknown;
  readonly originalname?: unknown;
  readonly filename?: unknown;
  readonly name?: unknown;
}

/** One inspection under way: where findings go, and what is left to spend. */
export class Inspection {
  readonly findings: Finding[] = [];
  private readonly inspector: Inspector;
  private readonly limits: RequestLimits;
  private readonly fields: Fields;
  private readonly hasFields: boolean;
  private textLeft: number;
  private keysLeft: number;
  private inNested: boolean = false;
  private clean: Set<string> | undefined = undefined;

  constructor(inspector: Inspector, limits: RequestLimits, fields: Fields) {
    this.inspector = inspector;
    this.limits = limits;
    this.fields = fields;
    this.hasFields = Object.keys(fields).length > 0;
    this.textLeft = limits.maxTextLength;
    this.keysLeft = limits.maxKeys;
  }

  /** Path and query of a URL, as the client sent it; `clean` remembers paths in which there was nothing. */
  url(url: string, clean?: CleanValues): void {
    const mark = url.indexOf('?');
    const fragment = url.indexOf('#');
    const end = fragment === -1 ? url.length : fragment;
    const path = url.slice(0, mark === -1 ? end : Math.min(mark, end));
    if (clean?.has(path) !== true) {
      this.path(path);
      if (this.findings.length === 0) clean?.add(path);
    }
    if (mark !== -1) this.form('query', url.slice(mark + 1));
  }

  /**
   * Headers by name, or, without names, all that are not of the protocol; `clean` remembers
   * values in which there was nothing.
   */
  headers(headers: HeaderValues, names: readonly string[] | undefined, clean?: CleanValues): void {
    for (const name of names ?? Object.keys(headers)) {
      const value = headers[name];
      if (value === undefined || (names === undefined && PROTOCOL_HEADERS.has(name))) continue;
      if (typeof value !== 'string') {
        for (const one of value) this.header(name, one);
      } else {
        const key = `${name}: ${value}`;
        if (clean?.has(key)) continue;
        const before = this.findings.length;
        this.header(name, value);
        if (this.findings.length === before) clean?.add(key);
      }
    }
  }

  cookies(header: string | readonly string[] | undefined): void {
    if (header === undefined) return;
    for (const pair of (typeof header === 'string' ? header : header.join(';')).split(';')) {
      if (!this.spendKey('cookie')) return;
      const equals = pair.indexOf('=');
      const name = (equals === -1 ? '' : pair.slice(0, equals)).trim();
      this.name('cookie', decodeUrl(name), false);
      this.value('cookie', name, decodeUrl(equals === -1 ? pair : pair.slice(equals + 1)).trim());
    }
  }

  /** A body as a parser made it: text, bytes are not looked at, objects are walked. */
  body(body: unknown, mediaType: string): void {
    if (typeof body === 'string') this.text(body, mediaType);
    else if (typeof body === 'object' && body !== null && !ArrayBuffer.isView(body))
      this.walk(body, 'body', '', true);
  }

  /** Names and field names of files; `files` as multer and its kin hand them over. */
  files(files: unknown): void {
    const lists = Array.isArray(files)
      ? [files]
      : typeof files === 'object' && files !== null
        ? Object.values(files)
        : [];
    for (const list of lists) {
      for (const file of Array.isArray(list) ? (list as unknown[]) : [list]) {
        if (typeof file !== 'object' || file === null || !this.spendKey('file')) continue;
        const { fieldname, originalname, filename, name } = file as UploadedFile;
        const field = typeof fieldname === 'string' ? fieldname : '';
        if (field !== '') this.name('file', field, true);
        for (const given of [originalname, filename, name]) {
          if (typeof given === 'string') this.value('file', field, given);
        }
      }
    }
  }

  /** A header; of one that holds an address, its parameters, too. */
  private header(name: string, value: string): void {
    const query = name === 'referer' ? value.indexOf('?') : -1;
    this.value('header', name, query === -1 ? value : value.slice(0, query));
    if (query !== -1) this.form('header', value.slice(query + 1));
  }

  private path(path: string): void {
    this.value('path', '', decodeUrl(path));
    if (charactersOf(path) === HAS.slash || this.findings.length > 0) return;
    // What a route takes as its parameter stands behind a slash, and may hold slashes itself.
    let at = 0;
    for (let depth = 0; depth < 4; depth++) {
      at = path.indexOf('/', at) + 1;
      if (at === 0) return;
      this.value('path', '', decodeUrl(path.slice(at)));
      if (this.findings.length > 0) return;
    }
  }

  /** Names and values as forms and queries have them. */
  private form(part: Part, text: string): void {
    let before = new Map<string, string>();
    for (const pair of text.split('&')) {
      if (pair === '') continue;
      if (!this.spendKey(part)) return;
      const equals = pair.indexOf('=');
      const name = decodeUrl((equals === -1 ? pair : pair.slice(0, equals)).replaceAll('+', ' '));
      this.name(part, name, true);
      if (equals === -1) continue;
      const value = decodeUrl(pair.slice(equals + 1).replaceAll('+', ' '));
      this.value(part, name, value);
      // A parameter in pieces: some frameworks join them with a comma.
      const earlier = before.get(name);
      if (earlier !== undefined && value.length > 1) this.value(part, name, `${earlier},${value}`);
      if (before.size < 64)
        before.set(name, earlier === undefined ? value : `${earlier},${value}`.slice(-4096));
      else before = new Map();
    }
  }

  private text(text: string, mediaType: string): void {
    if (/[/+]xml\b/.test(mediaType)) {
      this.add(this.inspector.inspectDeclarations('body', text.slice(0, MAX_DECLARATIONS)));
      xmlValues(text, (value) => {
        if (this.spendKey('body')) this.value('body', '', value);
      });
    } else if (mediaType.includes('x-www-form-urlencoded')) this.form('body', text);
    else if (mediaType.includes('graphql')) this.graphql('', text);
    else this.value('body', '', text);
  }

  /** Objects and lists; `operators`: names may be those of a database. */
  private walk(root: object, part: Part, at: string, operators: boolean): void {
    walk(root, at, this.limits.maxDepth, {
      spend: () => this.spendKey(part),
      name: (name) => this.name(part, name, operators),
      text: (path, key, text) => {
        if (path === 'query' && key === 'query' && isGraphql(text)) this.graphql(path, text);
        else this.value(part, path, text);
      },
      tooDeep: (path) => this.bomb('bomb-depth', { part, name: excerptOf(path, path.length) }),
    });
  }

  private graphql(name: string, text: string): void {
    const depth = graphqlStrings(text, (value) => {
      if (this.spendKey('body')) this.value('body', name, value);
    });
    if (depth > this.limits.maxDepth) this.bomb('bomb-depth', { part: 'body', name });
  }

  private name(part: Part, name: string, operators: boolean): void {
    // Parsers of queries nest by brackets.
    const { maxDepth } = this.limits;
    if (name.length > 2 * maxDepth && name.split('[').length > maxDepth + 1) {
      this.bomb('bomb-depth', { part, name: excerptOf(name, 0) });
      return;
    }
    if (name.includes('$') || name.includes('__') || name.includes('constructor')) {
      this.add(this.inspector.inspectName(part, name, operators));
    }
    if (name.length > 2 && !NAME_CHARACTERS.test(name)) this.value(part, name.slice(0, 80), name);
  }

  private value(part: Part, name: string, value: string): void {
    if (value.length < 2) return;
    const field = this.hasFields ? this.fieldOf(name) : 'plain';
    if (field === false) return;
    this.textLeft -= value.length;
    if (this.textLeft < 0) {
      this.bomb('bomb-text', { part, name });
      return;
    }
    // Lists repeat their values; the same one says the same.
    const short = part === 'body' && field === 'plain' && value.length <= MAX_REMEMBERED_LENGTH;
    if (short && this.clean?.has(value)) return;
    const found = this.inspector.inspect({ part, name }, value, field);
    if (found.length > 0) this.add(found);
    else if (JSON_TEXT.test(value)) this.nested(part, name, value);
    else if (short && value.length > 3) this.remember(value);
  }

  /** JSON in a parameter or a member: whoever reads it walks it, too. */
  private nested(part: Part, name: string, text: string): void {
    if (text.length > MAX_NESTED_LENGTH || this.inNested) return;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return;
    }
    this.inNested = true;
    if (typeof value === 'object' && value !== null) this.walk(value, part, name, false);
    this.inNested = false;
  }

  private remember(value: string): void {
    this.clean ??= new Set();
    if (this.clean.size < MAX_REMEMBERED) this.clean.add(value);
  }

  private fieldOf(path: string): Field {
    if (Object.hasOwn(this.fields, path)) return this.fields[path]!;
    const last = path.slice(path.lastIndexOf('.') + 1).replace(/\[\]$/, '');
    return Object.hasOwn(this.fields, last) ? this.fields[last]! : 'plain';
  }

  private spendKey(part: Part): boolean {
    if (this.keysLeft-- > 0) return true;
    if (this.keysLeft === -1) this.bomb('bomb-keys', { part, name: '' });
    return false;
  }

  private bomb(rule: string, place: Place): void {
    if (this.findings.some((finding) => finding.rule === rule)) return;
    this.findings.push({
      threat: 'bomb',
      rule,
      place,
      excerpt: '',
      score: 10,
      evidence: [{ rule, score: 10 }],
    });
  }

  private add(found: readonly Finding[]): void {
    for (const finding of found)
      if (this.findings.length < MAX_FINDINGS) this.findings.push(finding);
  }
}

const JSON_TEXT = /^\s{0,16}(?:\{\s{0,16}"|\[\s{0,16}["{[\d])[\s\S]*[\]}]\s{0,16}$/;
/** Declarations stand at the head of a document. */
const MAX_DECLARATIONS = 8192;
/** Longer texts are looked at as text only. */
const MAX_NESTED_LENGTH = 65_536;
/** Values of one request that were clean, and how long such a value may be. */
const MAX_REMEMBERED = 256;
const MAX_REMEMBERED_LENGTH = 64;
/** More of them say nothing new. */
const MAX_FINDINGS = 20;
/** Names as programmers give them. */
const NAME_CHARACTERS = /^[\w.[\]\-$:@ ]*$/;
