/** One change between two documents, and how those who use the API will take it. */
import { nameOfToken, pointerToken } from '@org/core';

/**
 * `breaking`: clients that were right are wrong now. `risky`: some may be, such as those that know
 * every value of a list. `safe`: none is.
 */
export type Severity = 'breaking' | 'risky' | 'safe';

/** One change. */
export interface DocumentChange {
  readonly severity: Severity;
  /** Stable, for filters: such as `operation-removed`, `type-narrowed`. */
  readonly kind: string;
  /** Such as `GET /cities/{id}`; the first of them where a shared schema changed. */
  readonly operation: string;
  /** Where it is: a JSON Pointer (RFC 6901) in the newer document, or in the older for what is gone. */
  readonly pointer: string;
  readonly message: string;
}

/** The gravest first. */
export const SEVERITIES: readonly Severity[] = Object.freeze<Severity[]>([
  'breaking',
  'risky',
  'safe',
]);

/** What is compared: the same place in both documents. */
export interface Side {
  readonly value: unknown;
  readonly pointer: string;
}

/** Collects changes, and finds what pointers lead to. */
export class Comparison {
  readonly changes: DocumentChange[] = [];
  /** The operation that is being compared. */
  operation = '';
  private readonly before: unknown;
  private readonly after: unknown;
  private readonly seen = new Set<string>();
  private readonly numbers = new Map<object, number>();

  constructor(before: unknown, after: unknown) {
    this.before = before;
    this.after = after;
  }

  add(severity: Severity, kind: string, { pointer }: Side, message: string): void {
    this.changes.push({ severity, kind, operation: this.operation, pointer, message });
  }

  /** What stands in the older document, behind all pointers. */
  old(side: Side): Side {
    return follow(this.before, side);
  }

  /** What stands in the newer document, behind all pointers. */
  new(side: Side): Side {
    return follow(this.after, side);
  }

  /**
   * Whether two places, or what stands at them, have been compared before: shared schemas are
   * once, and cycles end. What parts are put together from has no place of its own.
   */
  isKnown(one: Side, other: Side, direction: string): boolean {
    const keys = [`${direction} ${one.pointer} ${other.pointer}`];
    if (isObject(one.value) && isObject(other.value)) {
      keys.push(`${direction} #${this.numberOf(one.value)} #${this.numberOf(other.value)}`);
    }
    const isKnown = keys.some((key) => this.seen.has(key));
    for (const key of keys) this.seen.add(key);
    return isKnown;
  }

  private numberOf(value: object): number {
    const number = this.numbers.get(value) ?? this.numbers.size;
    this.numbers.set(value, number);
    return number;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** A member of what stands somewhere. */
export function member(side: Side, name: string | number): Side {
  const token = pointerToken(String(name));
  return {
    value: (side.value as Readonly<Record<string, unknown>> | undefined)?.[name],
    pointer: `${side.pointer}/${token}`,
  };
}

/** The members of an object, each with its place. */
export function members(side: Side): readonly (readonly [string, Side])[] {
  const { value } = side;
  if (typeof value !== 'object' || value === null) return [];
  return Object.keys(value).map((name) => [name, member(side, name)]);
}

/** More hops than this are a circle. */
const MAX_HOPS = 32;

function follow(document: unknown, side: Side): Side {
  let at = side;
  for (let hops = 0; hops < MAX_HOPS; hops++) {
    const reference = (at.value as { readonly $ref?: unknown } | null | undefined)?.$ref;
    if (typeof reference !== 'string' || !reference.startsWith('#/')) return at;
    at = reference
      .slice(2)
      .split('/')
      .map((token) => decodeToken(token))
      .reduce(member, { value: document, pointer: '' });
  }
  return at;
}

/** RFC 6901 §6: a pointer in a fragment is percent-encoded, too. */
function decodeToken(token: string): string {
  let plain = token;
  try {
    plain = decodeURIComponent(token);
  } catch {
    // A percent sign that codes nothing stands for itself.
  }
  return nameOfToken(plain);
}

/** Whether two values are the same as JSON; the order of members means nothing. */
export function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) {
    return false;
  }
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every(
      (name) =>
        Object.hasOwn(other, name) &&
        isSame((one as Record<string, unknown>)[name], (other as Record<string, unknown>)[name]),
    )
  );
}
