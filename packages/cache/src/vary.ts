/** The fields by which answers of one address differ, and their values, made comparable (RFC 9111 §4.1). */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, OutgoingHttpHeader } from 'node:http';

import { fieldText } from './field-text.ts';

/** Lists whose order and case do not matter. */
const PREFERENCES: ReadonlySet<string> = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
]);
/** Longer combinations of values are hashed. */
const MAX_LENGTH = 1024;

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

/** All values that choose, as one text that no other combination has. */
export function varyKey(names: readonly string[], headers: IncomingHttpHeaders): string {
  if (names.length === 0) return '';
  const key = JSON.stringify(names.map((name) => varyValue(name, headers)));
  if (key.length <= MAX_LENGTH) return key;
  return createHash('sha256').update(key).digest('base64url');
}

/** The value of a field, normalised; null where it is absent, which is not the same as empty. */
export function varyValue(name: string, headers: IncomingHttpHeaders): string | null {
  const value = headers[name];
  if (value === undefined) return null;
  const members = (Array.isArray(value) ? value.join(',') : value)
    .split(',')
    .map((member) => member.trim());
  if (!PREFERENCES.has(name)) return members.join(',');
  return members
    .filter((member) => member !== '')
    .map((member) =>
      member
        .toLowerCase()
        .replaceAll(/\s*([;=])\s*/g, '$1')
        .replace(/;q=1(?:\.0{0,3})?$/, ''),
    )
    .toSorted()
    .join(',');
}

const NONE: readonly string[] = Object.freeze([]);
