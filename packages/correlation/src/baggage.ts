/**
 * W3C Baggage: values that travel with a request from service to service. They come
 * from outside and go to others, so only keys on a list pass, and only so many.
 */

/** What passes, and how much of it. */
export interface BaggageLimits {
  readonly keys: readonly string[];
  readonly maxMembers: number;
  readonly maxBytes: number;
}

/** A token (RFC 9110 §5.6.2), the key of a member. */
const KEY = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Octets of a value: what is outside is percent-encoded (§3.3.1). */
const VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;

/** The baggage of one request, in the order in which it came. */
export class Baggage {
  private readonly limits: BaggageLimits;
  /** Values and properties as they stand in the field. */
  private readonly members: Map<string, string> = new Map();

  constructor(limits: BaggageLimits) {
    this.limits = limits;
  }

  get size(): number {
    return this.members.size;
  }

  /** The decoded value of a key. */
  get(key: string): string | undefined {
    const raw = this.members.get(key);
    return raw === undefined ? undefined : decode(raw.split(';', 1)[0]!.trim());
  }

  /** Keys and decoded values, in order. */
  entries(): readonly (readonly [key: string, value: string])[] {
    return [...this.members.keys()].map((key) => [key, this.get(key)!] as const);
  }

  /**
   * Sets a value, for calls to come. Answers false, and sets nothing, where the key is
   * not on the list or the limits are reached.
   */
  set(key: string, value: string): boolean {
    return this.put(key, encode(value));
  }

  delete(key: string): boolean {
    return this.members.delete(key);
  }

  /** Takes in a field. Members that are not valid, not on the list or too many are left out. */
  read(field: string): void {
    for (const part of field.split(',')) {
      const at = part.indexOf('=');
      if (at === -1) continue;
      const key = part.slice(0, at).trim();
      const [value = '', ...properties] = part
        .slice(at + 1)
        .split(';')
        .map((one) => one.trim());
      if (KEY.test(key) && VALUE.test(value) && properties.every(isProperty)) {
        this.put(key, [value, ...properties].join(';'));
      }
    }
  }

  /** The field to pass on; nothing when it is empty. */
  toString(): string {
    return [...this.members].map(([key, raw]) => `${key}=${raw}`).join(',');
  }

  private put(key: string, raw: string): boolean {
    const { keys, maxMembers, maxBytes } = this.limits;
    if (!keys.includes(key)) return false;
    const before = this.members.get(key);
    if (before === undefined && this.members.size >= maxMembers) return false;
    this.members.set(key, raw);
    if (this.toString().length <= maxBytes) return true;
    if (before === undefined) this.members.delete(key);
    else this.members.set(key, before);
    return false;
  }
}

/** Whether a key may stand in baggage. */
export function isBaggageKey(key: string): boolean {
  return KEY.test(key);
}

function isProperty(property: string): boolean {
  const [key = '', ...value] = property.split('=');
  return KEY.test(key.trim()) && VALUE.test(value.join('=').trim());
}

/** Percent-encodes what may not stand in a value; the rest stays readable. */
function encode(value: string): string {
  // Half a surrogate pair would make encodeURIComponent throw; through bytes it becomes U+FFFD.
  return encodeURIComponent(Buffer.from(value).toString());
}

/** Bytes that are no UTF-8 become U+FFFD (§3.3.1), rather than an error. */
function decode(value: string): string {
  if (!value.includes('%')) return value;
  const bytes: number[] = [];
  for (let at = 0; at < value.length; at++) {
    const hex = value.slice(at + 1, at + 3);
    if (value[at] === '%' && /^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      at += 2;
    } else {
      bytes.push(value.charCodeAt(at));
    }
  }
  return Buffer.from(bytes).toString('utf8');
}
