/** The records of keys in the database in which the handlers work: what `transactional` asks of them. */

/** An answer as it is recorded: of a value its JSON text, of text and bytes what they are. */
export interface RecordedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly kind: 'json' | 'text' | 'bytes' | 'none';
  /** Absent where it was too large to keep. */
  readonly body: Uint8Array | undefined;
}

/** What a transaction finds that asks for a key. */
export type Taken =
  /** It is this transaction's now. */
  | { readonly is: 'taken' }
  /** A transaction before has committed it, with this. */
  | { readonly is: 'finished'; readonly fingerprint: string; readonly answer: RecordedAnswer }
  /** A transaction before has committed it without an answer. */
  | { readonly is: 'unfinished'; readonly fingerprint: string }
  /** Another transaction has it, and did not end in time. This one can go no further. */
  | { readonly is: 'busy' }
  /** Another transaction was faster, which this one cannot see. It has to begin again. */
  | { readonly is: 'moved' };

/** What is known when a key is taken. */
export interface Taking {
  readonly id: string;
  readonly fingerprint: string;
  readonly retentionMs: number;
  /** How long to wait for another transaction that has the key. */
  readonly waitMs: number;
}

/** Records in the handlers' own database. `Tx` is whatever its library hands to the work of a transaction. */
export interface TransactionRecords<Tx> {
  /** Takes a key as the first thing that a transaction does. */
  take(tx: Tx, taking: Taking): Promise<Taken>;
  /** The transaction's answer; as the last thing before it commits. */
  finish(tx: Tx, id: string, answer: RecordedAnswer): Promise<void>;
  /** The key is free again once the transaction commits. */
  release(tx: Tx, id: string): Promise<void>;
}
