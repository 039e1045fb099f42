/** The `tracestate` field of W3C Trace Context (§3.3): vendors' own positions in a trace, passed on. */

/** More members drop the field (§3.3.1.1). */
const MAX_MEMBERS = 32;
/** A key, plain or with a tenant before its system (§3.3.1.3.1), and the value after it (§3.3.1.3.2). */
const KEY = String.raw`(?:[a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})`;
const VALUE = String.raw`[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]`;
const MEMBER = new RegExp(`^(${KEY})=(${VALUE})$`);
const WHOLE_KEY = new RegExp(`^${KEY}$`);

/** Whether a key may stand in a tracestate. */
export function isTracestateKey(key: string): boolean {
  return WHOLE_KEY.test(key);
}

/**
 * Reads a tracestate, several lines of which Node has joined by commas. Answers it
 * in its plain form, or nothing when it is empty or any part of it is not valid: a
 * field that one member spoils is no vendor's word any more.
 */
export function parseTracestate(field: string): string | undefined {
  const members: string[] = [];
  const keys = new Set<string>();
  for (const part of field.split(',')) {
    const member = trimSpace(part);
    // Empty members are allowed (§3.3.1.1).
    if (member === '') continue;
    const key = MEMBER.exec(member)?.[1];
    if (key === undefined || keys.has(key) || members.length === MAX_MEMBERS) return undefined;
    keys.add(key);
    members.push(member);
  }
  return members.length === 0 ? undefined : members.join(',');
}

/** Puts our own member in front, in place of an older one (§3.5); the last one goes when there are too many. */
export function withOwnMember(state: string | undefined, key: string, value: string): string {
  const own = `${key}=${value}`;
  if (state === undefined) return own;
  const others = state.split(',').filter((member) => !member.startsWith(`${key}=`));
  return [own, ...others.slice(0, MAX_MEMBERS - 1)].join(',');
}

/** OWS is spaces and tabs only (RFC 9110 §5.6.3); most members have none. */
function trimSpace(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
