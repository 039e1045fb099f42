/** The function that loads many at once, and what it promises. */
import type { Exchange } from '@org/core';

/** What a batch function is told besides its keys. */
export interface BatchContext {
  /** Aborts when nobody waits for the batch any more: every request of it has gone. */
  readonly signal: AbortSignal;
  /**
   * The request whose loads these are; of a shared batch one of its requests, which have
   * partition and tenant in common. Absent outside of requests.
   */
  readonly exchange: Exchange | undefined;
  /** The transaction that was given to `for`. */
  readonly transaction: object | undefined;
}

/** Loads many at once: for each key, in the order of the keys, its value, or an Error. */
export type BatchFunction<K, V> = (
  keys: readonly K[],
  context: BatchContext,
) => Promise<readonly (V | Error)[]>;

/** What is wrong with what a batch function resolved to. */
export function faultOf(name: string, values: unknown, count: number): TypeError | undefined {
  const length: unknown =
    typeof values === 'object' && values !== null
      ? (values as { readonly length?: unknown }).length
      : undefined;
  if (typeof length !== 'number') return brokenContract(name, 'resolved to', values);
  return length === count
    ? undefined
    : brokenContract(name, `resolved to ${length} for ${count} keys`);
}

/** What a batch function did instead of what it promises; never the content of values, which may be somebody's. */
export function brokenContract(name: string, did: string, ...what: readonly unknown[]): TypeError {
  const value = what.map((one) => ` ${describe(one)}`).join('');
  return Object.assign(
    new TypeError(
      `${name}: the batch function must return a promise of a list with one value or Error per key, in the order of the keys, but ${did}${value}.`,
    ),
    { code: 'ERR_BATCH_RESULT' as const },
  );
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`;
}
