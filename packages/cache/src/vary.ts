/** The fields by which answers of one address differ, and their values, made comparable (RFC 9111 §4.1). */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, OutgoingHttpHeader } from 'node:http';

import { fieldText } from './field-text.ts';

/**
 * Lists of weighted preferences, without case. Their order counts among equal weights only:
 * there many an application takes what stands first, Express among them.
 */
const PREFERENCES: ReadonlySet<string> = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
]);
/** Longer combinations of values are hashed. */
const MAX_LENGTH = 1024;
const NONE: readonly string[] = Object.freeze([]);

/** The names in a Vary field: in lower case, sorted, each once; `*` where nothing chooses. */
export function varyNames(value: OutgoingHttpHeader | undefined): readonly string[] | '*' {
  const text = fieldText(value);
  if (text === undefined) return NONE;
  const names = text
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
  return names.includes('*') ? '*' : [...new Set(names)].toSorted();
}

/** The values of these fields as one text that no other values have, of at most 1,024 characters. */
export function varyKey(names: readonly string[], headers: IncomingHttpHeaders): string {
  if (names.length === 0) return '';
  const key = JSON.stringify(names.map((name) => varyValue(name, headers)));
  if (key.length <= MAX_LENGTH) return key;
  return createHash('sha256').update(key).digest('base64url');
}

/** The value of a field, normalised; null where it is absent, which is not the same as empty. */
export function varyValue(name: string, headers: IncomingHttpHeaders): string | null {
  // A name such as `constructor` is no field just because objects have it.
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (value === undefined) return null;
  const text = typeof value === 'string' ? value : value.join(',');
  if (!PREFERENCES.has(name)) return split(text, ',').join(',');
  return split(text.toLowerCase(), ',')
    .filter((member) => member !== '')
    .map(preference)
    .toSorted((one, other) => weightOf(other) - weightOf(one))
    .join(',');
}

/** A member without blanks around `;` and `=`, and without the weight that it has anyway (RFC 9110 §12.4.2). */
function preference(member: string): string {
  if (!member.includes(';') && !member.includes('=')) return member;
  const parameters = split(member, ';').map((one) => split(one, '=').join('='));
  if (/^q=1(?:\.0{0,3})?$/.test(parameters.at(-1)!)) parameters.pop();
  return parameters.join(';');
}

/** The weight of a member; one that is no number is as good as none (RFC 9110 §12.4.2). */
function weightOf(member: string): number {
  const weight = /;q=([\d.]+)$/.exec(member)?.[1];
  return weight === undefined ? 1 : Number(weight) || 0;
}

/** Splits where a separator stands outside of quoted strings, and drops the blanks around it. */
function split(text: string, separator: string): string[] {
  if (!text.includes('"')) {
    return text.split(separator).map((part) => trimmed(part, 0, part.length));
  }
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (sign === '"') quoted = !quoted;
    else if (quoted && sign === '\\') at++;
    else if (!quoted && sign === separator) {
      parts.push(trimmed(text, start, at));
      start = at + 1;
    }
  }
  parts.push(trimmed(text, start, text.length));
  return parts;
}

/** Without optional whitespace (RFC 9110 §5.6.3), which is less than what `trim` takes away. */
function trimmed(text: string, start: number, end: number): string {
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (start < end && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
