/**
 * The records of keys in Postgres (or PGlite), written by the handler's own transactions. A key
 * is a row under a primary key: who inserts it has it, and whoever else tries waits for that
 * transaction's end, by Postgres' own rules. Nothing has to be cleaned up after a crash: what
 * was not committed was not done, and is not recorded.
 *
 * Only text and numbers go in and text comes out, so that every driver and query builder will do.
 */
import {
  type Check,
  type Checks,
  func,
  type Given,
  integer,
  OptionError,
  resolveOptions,
  text,
} from '@org/core';

import type { RecordedAnswer, Taken, Taking, TransactionRecords } from './transaction-records.ts';

/** A row as the driver gives it. */
export type Row = Readonly<Record<string, unknown>>;

/** Runs one statement with `$1`-style parameters in a transaction, and answers its rows. */
export type Query<Tx> = (
  tx: Tx,
  sql: string,
  parameters: readonly (string | number | null)[],
) => Promise<readonly Row[]>;

/** Where the records are, and how to get there. */
export interface PostgresRecordsOptions<Tx> {
  /** Runs a statement in the handler's transaction. */
  readonly query: Query<Tx>;
  /** The table, if need be with its schema. @default "idempotency_keys" */
  readonly table: string;
  /** How many records that have outlived their retention each new one takes away; 0 leaves that to `prune`. @default 2 */
  readonly prunePerKey: number;
}

/** Records in Postgres, and their upkeep. */
export interface PostgresRecords<Tx> extends TransactionRecords<Tx> {
  /** Takes away records that have outlived their retention, at most `maxRows`; answers how many. */
  prune(tx: Tx, maxRows: number): Promise<number>;
  /** Takes away one record, whatever it says. Answers whether there was one. */
  forget(tx: Tx, record: string): Promise<boolean>;
}

const TABLE = 'idempotency_keys';

/** Names that need no quotes; what is put into a statement must not be able to say anything else. */
const TABLE_NAME: Check<string> = text({
  expected: 'a name of lower-case letters, digits and underscores, if need be with its schema',
  pattern: /^(?:[a-z_][a-z0-9_]{0,62}\.)?[a-z_][a-z0-9_]{0,62}$/,
});

/** Attempts to take a key whose record is outlived, while others do the same. */
const MAX_ATTEMPTS = 3;

/** SQLSTATE: a lock was not to be had in time; a snapshot is too old. */
const LOCK_NOT_AVAILABLE = '55P03';
const SERIALIZATION_FAILURE = '40001';

/**
 * The table, as a migration creates it. `table` as in the options of `postgresRecords`.
 * @throws OptionError for a table name that needs quotes
 */
export function postgresTable(table: string = TABLE): string {
  if (!TABLE_NAME.accepts(table)) {
    throw new OptionError('postgresTable', [`the table must be ${TABLE_NAME.expected}.`]);
  }
  return `CREATE TABLE IF NOT EXISTS ${table} (
  id text PRIMARY KEY,
  fingerprint text NOT NULL,
  status smallint,
  headers text,
  kind text,
  body bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS ${table.replace('.', '_')}_expires_at ON ${table} (expires_at);`;
}

/** Records in a table that `postgresTable` creates. @throws OptionError for unknown or wrong options */
export function postgresRecords<Tx>(
  options: Given<PostgresRecordsOptions<Tx>> & Pick<PostgresRecordsOptions<Tx>, 'query'>,
): PostgresRecords<Tx> {
  const { query, table, prunePerKey } = resolveOptions<PostgresRecordsOptions<Tx>>(
    'postgresRecords',
    { query: missingQuery, table: TABLE, prunePerKey: 2 },
    checks<Tx>(),
    options,
  );
  if (query === missingQuery) {
    throw new OptionError('postgresRecords', ['option "query" is needed: it runs a statement.']);
  }
  const statements = statementsFor(table);

  async function take(tx: Tx, taking: Taking): Promise<Taken> {
    const { id, fingerprint, retentionMs, waitMs } = taking;
    try {
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        /* oxlint-disable no-await-in-loop -- each statement depends on what the one before has found */
        const limit = String(Math.max(1, Math.round(waitMs)));
        const [before] = await query(tx, statements.limit, [limit]);
        const parameters = [id, fingerprint, retentionMs, String(before!['setting'])];
        const taken = await query(tx, statements.take, parameters);
        if (taken.length > 0) return { is: 'taken' };
        const [found] = await query(tx, statements.find, [id]);
        if (found !== undefined && found['outlived'] !== 'yes') return recorded(found);
        // Outlived, or gone meanwhile: the way is free for whoever inserts first.
        await query(tx, statements.removeOutlived, [id]);
        /* oxlint-enable no-await-in-loop */
      }
      return { is: 'busy' };
    } catch (error) {
      const state = sqlState(error);
      if (state === LOCK_NOT_AVAILABLE) return { is: 'busy' };
      if (state === SERIALIZATION_FAILURE) return { is: 'moved' };
      throw error;
    }
  }

  return Object.freeze<PostgresRecords<Tx>>({
    take,
    async finish(tx, id, { status, headers, kind, body }) {
      const content = body === undefined ? null : Buffer.from(body).toString('base64');
      await query(tx, statements.finish, [id, status, JSON.stringify(headers), kind, content]);
      if (prunePerKey > 0) await query(tx, statements.prune, [prunePerKey]);
    },
    async release(tx, id) {
      await query(tx, statements.remove, [id]);
    },
    prune: async (tx, maxRows) => (await query(tx, statements.prune, [maxRows])).length,
    forget: async (tx, record) => (await query(tx, statements.remove, [record])).length > 0,
  });
}

function statementsFor(table: string): Readonly<Record<string, string>> & {
  readonly [
    K in 'limit' | 'take' | 'find' | 'removeOutlived' | 'finish' | 'remove' | 'prune'
  ]: string;
} {
  return Object.freeze({
    // How long to wait for a duplicate's transaction, and what held before.
    limit: `SELECT current_setting('lock_timeout') AS setting, set_config('lock_timeout', $1, true) AS limited`,
    // Waits at the primary key for a transaction that has the key. For the handler's own
    // statements, what held before holds again.
    take: `WITH taken AS (
  INSERT INTO ${table} (id, fingerprint, expires_at)
  VALUES ($1, $2, now() + $3::double precision * interval '1 millisecond')
  ON CONFLICT (id) DO NOTHING
  RETURNING id
) SELECT id, set_config('lock_timeout', $4, true) AS restored FROM taken`,
    find: `SELECT fingerprint, status::text, headers, kind, encode(body, 'base64') AS body,
  CASE WHEN expires_at <= now() THEN 'yes' ELSE 'no' END AS outlived
FROM ${table} WHERE id = $1`,
    removeOutlived: `DELETE FROM ${table} WHERE id = $1 AND expires_at <= now()`,
    finish: `UPDATE ${table}
SET status = $2::smallint, headers = $3, kind = $4, body = decode($5, 'base64') WHERE id = $1`,
    remove: `DELETE FROM ${table} WHERE id = $1 RETURNING id`,
    // Past rows that others are at, so that nobody waits.
    prune: `DELETE FROM ${table} WHERE id IN (
  SELECT id FROM ${table} WHERE expires_at <= now()
  ORDER BY expires_at LIMIT $1::integer FOR UPDATE SKIP LOCKED
) RETURNING id`,
  });
}

function recorded(row: Row): Taken {
  const fingerprint = String(row['fingerprint']);
  // Somebody has committed halfway.
  if (row['status'] === null) return { is: 'unfinished', fingerprint };
  const { body } = row;
  const answer: RecordedAnswer = {
    status: Number(row['status']),
    headers: JSON.parse(String(row['headers'])) as RecordedAnswer['headers'],
    kind: row['kind'] as RecordedAnswer['kind'],
    body: typeof body === 'string' ? Buffer.from(body, 'base64') : undefined,
  };
  return { is: 'finished', fingerprint, answer };
}

/** Query builders wrap what the driver throws. */
function sqlState(error: unknown): string | undefined {
  for (let at: unknown = error; typeof at === 'object' && at !== null;) {
    const { code, cause } = at as { readonly code?: unknown; readonly cause?: unknown };
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
    at = cause;
  }
  return undefined;
}

function checks<Tx>(): Checks<PostgresRecordsOptions<Tx>> {
  return {
    query: func<Query<Tx>>(),
    table: TABLE_NAME,
    prunePerKey: integer({ min: 0, max: 100 }),
  };
}

function missingQuery(): never {
  throw new Error('There is no query.');
}
