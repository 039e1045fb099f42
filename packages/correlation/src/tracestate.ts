/** The `tracestate` field of W3C Trace Context (§3.3): vendors' own positions in a trace, passed on. */

/** More members drop the field (§3.3.1.1). */
const MAX_MEMBERS = 32;
/** A key without a tenant, and the two parts of one with (§3.3.1.3.1). */
const MAX_KEY = 256;
const MAX_TENANT = 241;
const MAX_SYSTEM = 14;
const MAX_VALUE = 256;

const [TAB, SPACE, COMMA, EQUALS, AT] = [0x09, 0x20, 0x2c, 0x3d, 0x40];
/** What a character may be: bits by its code. Characters that have none are allowed nowhere. */
const [LETTER, FIRST, KEY, VALUE] = [1, 2, 4, 8];
const ALLOWED: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) => {
  const isLetter = code >= 0x61 && code <= 0x7a;
  const isFirst = isLetter || (code >= 0x30 && code <= 0x39);
  const isPrintable = code >= SPACE && code <= 0x7e && code !== COMMA && code !== EQUALS;
  return (
    (isLetter ? LETTER : 0) |
    (isFirst ? FIRST : 0) |
    (isFirst || '_-*/'.includes(String.fromCharCode(code)) ? KEY : 0) |
    (isPrintable ? VALUE : 0)
  );
});

/** Whether a key may stand in a tracestate. */
export function isTracestateKey(key: string): boolean {
  return endOfKey(`${key}=`, 0, key.length + 1) === key.length;
}

/**
 * Reads a tracestate, several lines of which Node has joined by commas. Answers it
 * in its plain form, or nothing when it is empty or any part of it is not valid: a
 * field that one member spoils is no vendor's word any more. It stands on the path of
 * every traced request: one pass, and nothing is copied but the keys.
 */
export function parseTracestate(field: string): string | undefined {
  const keys: string[] = [];
  let isPlain = true;
  for (let from = 0; from <= field.length;) {
    const comma = field.indexOf(',', from);
    const next = comma === -1 ? field.length : comma;
    let [start, end] = [from, next];
    while (start < end && isSpace(field.charCodeAt(start))) start++;
    while (end > start && isSpace(field.charCodeAt(end - 1))) end--;
    if (start !== from || end !== next || start === end) isPlain = false;
    // Empty members are allowed (§3.3.1.1).
    if (start < end) {
      const equals = endOfKey(field, start, end);
      if (equals === -1 || !isValue(field, equals + 1, end)) return undefined;
      const key = field.slice(start, equals);
      if (keys.length === MAX_MEMBERS || keys.includes(key)) return undefined;
      keys.push(key);
    }
    from = next + 1;
  }
  if (keys.length === 0) return undefined;
  return isPlain ? field : field.split(',').map(trimSpace).filter(Boolean).join(',');
}

/** Puts our own member in front, in place of an older one (§3.5); the last one goes when there are too many. */
export function withOwnMember(state: string | undefined, key: string, value: string): string {
  const own = `${key}=${value}`;
  if (state === undefined) return own;
  const others = state.split(',').filter((member) => !member.startsWith(`${key}=`));
  return [own, ...others.slice(0, MAX_MEMBERS - 1)].join(',');
}

/** Where the key that begins at `start` ends with "=", or -1. */
function endOfKey(field: string, start: number, end: number): number {
  if ((ALLOWED[field.charCodeAt(start)]! & FIRST) === 0) return -1;
  let tenantEnd = -1;
  for (let at = start + 1; at < end; at++) {
    const code = field.charCodeAt(at);
    if (code === EQUALS) return isKeyLength(field, start, tenantEnd, at) ? at : -1;
    if (code === AT && tenantEnd === -1) tenantEnd = at;
    else if ((ALLOWED[code]! & KEY) === 0) return -1;
  }
  return -1;
}

function isKeyLength(field: string, start: number, tenantEnd: number, end: number): boolean {
  if (tenantEnd === -1) return end - start <= MAX_KEY;
  const system = end - tenantEnd - 1;
  return (
    tenantEnd - start <= MAX_TENANT &&
    system <= MAX_SYSTEM &&
    (ALLOWED[field.charCodeAt(tenantEnd + 1)]! & LETTER) !== 0
  );
}

/** Whether a value stands from `start` to `end` (§3.3.1.3.2); spaces after it have been taken off. */
function isValue(field: string, start: number, end: number): boolean {
  if (start === end || end - start > MAX_VALUE) return false;
  for (let at = start; at < end; at++) {
    if ((ALLOWED[field.charCodeAt(at)]! & VALUE) === 0) return false;
  }
  return true;
}

/** OWS is spaces and tabs only (RFC 9110 §5.6.3). */
function trimSpace(text: string): string {
  return text.replace(/^[\t ]+|[\t ]+$/g, '');
}

function isSpace(code: number): boolean {
  return code === SPACE || code === TAB;
}
