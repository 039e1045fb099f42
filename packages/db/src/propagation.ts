/** What a transaction asks of the one around it, of which it is to be a part. */
import { mismatch } from './database-errors.ts';
import type { Isolation, TransactionOptions } from './transaction-options.ts';

const STRENGTH: Readonly<Record<Isolation, number>> = Object.freeze({
  'read committed': 0,
  'repeatable read': 1,
  serializable: 2,
});

/** What takes part in a transaction cannot ask for more than it has. */
export function refuseMismatch(outer: TransactionOptions, inner: TransactionOptions): void {
  if (outer.readOnly && !inner.readOnly) {
    throw mismatch(
      'The transaction around is read-only, and this part is not. Say readOnly: true, or propagation: "requires-new".',
    );
  }
  const { isolation } = inner;
  if (
    isolation !== undefined &&
    STRENGTH[isolation] > STRENGTH[outer.isolation ?? 'read committed']
  ) {
    throw mismatch(
      `The transaction around is ${outer.isolation ?? 'read committed'}, and this part asks for ${isolation}. Ask for it there, or say propagation: "requires-new".`,
    );
  }
}
