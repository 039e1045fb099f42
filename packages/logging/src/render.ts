/**
 * Values as JSON text in one pass: redacted, escaped and bounded on the way. No copy
 * is made and the caller's objects are never changed. Cycles, getters that throw,
 * huge objects and errors all end in a line, because a logger must not fail.
 */
import { quote } from './escape.ts';
import { descend, type PathNode, REDACTED, type Redaction } from './redaction.ts';

/** How deep objects are followed. */
const MAX_DEPTH = 8;
/** Members of one object, or of one array. */
const MAX_MEMBERS = 200;
/** Values in one line. */
const MAX_VALUES = 2000;
/** Characters of one key. */
const MAX_KEY_CHARS = 200;
/** Characters of one text, and of all texts of a line together. */
const MAX_TEXT_CHARS = 8192;
const MAX_LINE_CHARS = 65_536;

/** Names that a line keeps for itself; a field of that name is written with `_` before it. */
const OWN_NAMES: ReadonlySet<string> = new Set([
  'time',
  'level',
  'logger',
  'msg',
  'requestId',
  'traceId',
  'spanId',
  'method',
  'route',
  'principal',
  'tail',
  'sampleRatio',
]);

/** Renders values for one logging instance. */
export class Renderer {
  /** Secrets replaced since the start. */
  redactedTotal: number = 0;
  private readonly redaction: Redaction;
  private valuesLeft: number = 0;
  private charsLeft: number = 0;

  constructor(redaction: Redaction) {
    this.redaction = redaction;
  }

  /** The fields as members of the line, each with a comma before it. Never throws. */
  members(fields: object): string {
    this.begin();
    try {
      return this.body(fields, this.redaction.roots, [fields], true);
    } catch (error) {
      return `,"fieldsError":${quote(messageOf(error))}`;
    }
  }

  /** One value that stands under `key` at the line's root. Never throws. */
  value(key: string, value: unknown): string {
    this.begin();
    try {
      return this.member(key, value, this.redaction.roots, []) ?? 'null';
    } catch (error) {
      return quote(`[unreadable: ${messageOf(error)}]`);
    }
  }

  /** A text that stands under no key of its own, such as the message. */
  text(text: string): string {
    if (text.length > MAX_TEXT_CHARS) return this.longText(text);
    const clean = this.redaction.scrub(text);
    if (clean !== text) this.redactedTotal++;
    return quote(clean);
  }

  private begin(): void {
    this.valuesLeft = MAX_VALUES;
    this.charsLeft = MAX_LINE_CHARS;
  }

  /** A secret may straddle the cut: so more than is kept is searched. */
  private longText(text: string): string {
    const clean = this.redaction.scrub(text.slice(0, 2 * MAX_TEXT_CHARS));
    if (!text.startsWith(clean)) this.redactedTotal++;
    return quote(`${clean.slice(0, MAX_TEXT_CHARS)}… [${text.length} characters]`);
  }

  private body(
    object: object,
    paths: readonly PathNode[],
    above: readonly object[],
    atRoot: boolean,
  ): string {
    const keys = Object.keys(object);
    const count = Math.min(keys.length, MAX_MEMBERS);
    let text = '';
    for (let at = 0; at < count; at++) {
      const key = keys[at]!;
      const value = this.member(key, read(object, key), paths, above);
      if (value === undefined) continue;
      const name = key.length > MAX_KEY_CHARS ? `${key.slice(0, MAX_KEY_CHARS)}…` : key;
      text += `,${this.text(atRoot && OWN_NAMES.has(name) ? `_${name}` : name)}:${value}`;
    }
    return keys.length > count ? `${text},"…":"${keys.length - count} more"` : text;
  }

  private member(
    key: string,
    value: unknown,
    paths: readonly PathNode[],
    above: readonly object[],
  ): string | undefined {
    if (value === undefined || typeof value === 'function' || typeof value === 'symbol')
      return undefined;
    const within = descend(paths, key);
    if (this.redaction.hidesKey(key) || within.some(({ end }) => end)) {
      this.redactedTotal++;
      return `"${REDACTED}"`;
    }
    return this.any(value, within, above);
  }

  private any(
    value: unknown,
    paths: readonly PathNode[],
    above: readonly object[],
  ): string | undefined {
    if (--this.valuesLeft < 0) return '"[cut]"';
    switch (typeof value) {
      case 'string':
        if (this.charsLeft <= 0) return '"[cut]"';
        this.charsLeft -= Math.min(value.length, MAX_TEXT_CHARS);
        return this.text(value);
      case 'number':
        return Number.isFinite(value) ? String(value) : `"${value}"`;
      case 'boolean':
        return value ? 'true' : 'false';
      case 'bigint':
        return `"${value}"`;
      case 'object':
        return value === null ? 'null' : this.object(value, paths, above);
      default:
        return undefined;
    }
  }

  private object(
    value: object,
    paths: readonly PathNode[],
    above: readonly object[],
  ): string | undefined {
    if (above.includes(value)) return '"[circular]"';
    if (above.length >= MAX_DEPTH) return '"[too deep]"';
    const within = [...above, value];
    try {
      const plain = plainForm(value);
      if (typeof plain !== 'object' || plain === null) return this.any(plain, paths, above);
      if (Array.isArray(plain)) return this.array(plain as readonly unknown[], paths, within);
      const body = this.body(plain, paths, within, false);
      return `{${body.slice(1)}}`;
    } catch (error) {
      return quote(`[unreadable: ${messageOf(error)}]`);
    }
  }

  private array(
    list: readonly unknown[],
    paths: readonly PathNode[],
    above: readonly object[],
  ): string {
    const parts: string[] = [];
    for (let at = 0; at < list.length && at < MAX_MEMBERS; at++) {
      parts.push(this.member(String(at), list[at], paths, above) ?? 'null');
    }
    if (list.length > MAX_MEMBERS) parts.push(`"… ${list.length - MAX_MEMBERS} more"`);
    return `[${parts.join(',')}]`;
  }
}

/** An object in the form in which it is written: errors keep message, stack and cause. */
function plainForm(value: object): unknown {
  if (value instanceof Error) return errorForm(value);
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof Map) {
    return Object.fromEntries(firstOf(value).map(([k, v]) => [String(k), v]));
  }
  if (value instanceof Set) return firstOf(value);
  if (value instanceof RegExp) return String(value);
  if (ArrayBuffer.isView(value)) return `[${nameOf(value)} of ${value.byteLength} bytes]`;
  const { toJSON, on, emit } = value as { toJSON?: unknown; on?: unknown; emit?: unknown };
  if (typeof toJSON === 'function') return toJSON.call(value);
  // A request, a socket, a client: its inside is large, and full of secrets.
  if (typeof on === 'function' && typeof emit === 'function') return `[${nameOf(value)}]`;
  return value;
}

/** The first of what may be millions, and one more, so that the line says that there are more. */
function firstOf<T>(values: Iterable<T>): T[] {
  const first: T[] = [];
  for (const value of values) {
    first.push(value);
    if (first.length > MAX_MEMBERS) break;
  }
  return first;
}

function errorForm(error: Error): object {
  const { name, message, stack, cause } = error;
  const { errors } = error as { errors?: unknown };
  return {
    ...(error as object),
    type: name,
    message,
    stack,
    ...(cause === undefined ? {} : { cause }),
    ...(errors === undefined ? {} : { errors }),
  };
}

function nameOf(value: object): string {
  return (value.constructor as { name?: string } | undefined)?.name ?? 'object';
}

function read(object: object, key: string): unknown {
  try {
    return (object as Record<string, unknown>)[key];
  } catch (error) {
    return `[unreadable: ${messageOf(error)}]`;
  }
}

/** Fields as a plain object, whatever somebody without types gave for them. Never throws. */
export function plainFields(fields: unknown): Record<string, unknown> {
  if (fields === undefined || fields === null) return {};
  if (isError(fields)) return { err: fields };
  if (typeof fields !== 'object') return { value: fields };
  try {
    return { ...fields };
  } catch {
    return readFields(fields);
  }
}

/** One member at a time, so that a getter that throws costs its own member only. */
function readFields(fields: object): Record<string, unknown> {
  try {
    return Object.fromEntries(Object.keys(fields).map((key) => [key, read(fields, key)]));
  } catch (error) {
    return { fieldsError: messageOf(error) };
  }
}

/** Whether something is an error; a proxy may throw even at that question. */
export function isError(value: unknown): value is Error {
  try {
    return value instanceof Error;
  } catch {
    return false;
  }
}

/** What something says when it is logged in place of a text. Never throws. */
export function messageOf(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return String(value instanceof Error ? value.message : value);
  } catch {
    return 'unknown';
  }
}
