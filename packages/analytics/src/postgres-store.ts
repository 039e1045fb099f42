/**
 * Rows in Postgres, or PGlite: one table, which several instances may share. Each call is one
 * statement, so that any pool will do, and it matters to nobody which connection answers. Only
 * text and numbers go in, and text comes out, so that every driver will do, too.
 */
import {
  boolean,
  type Check,
  func,
  type Given,
  OptionError,
  resolveOptions,
  storeUnavailable,
  text,
} from '@org/core';

import type {
  AnalyticsStore,
  Place,
  ReadRange,
  Row,
  RowKind,
  RowTier,
  Source,
} from './analytics-store.ts';
import type { Tier } from './tiers.ts';

/** Runs one statement with `$1`-style parameters: the `query` of a pool of `pg`, of PGlite, or of what you have. */
export type PostgresQuery = (
  statement: string,
  values: (string | number)[],
) => Promise<{ readonly rows: readonly object[] }>;

export interface PostgresStoreOptions {
  /** Runs a statement. Needed. */
  readonly query: PostgresQuery;
  /** The table, if need be with its schema. @default "api_analytics" */
  readonly table: string;
  /** Whether the table is made where there is none; otherwise a migration of yours does. @default true */
  readonly create: boolean;
}

export const POSTGRES_STORE_DEFAULTS: Readonly<Pick<PostgresStoreOptions, 'table' | 'create'>> =
  Object.freeze({ table: 'api_analytics', create: true });

/** Names that need no quotes; what is put into a statement must not be able to say anything else. */
const TABLE_NAME: Check<string> = text({
  expected: 'a name of lower-case letters, digits and underscores, if need be with its schema',
  pattern: /^(?:[a-z_][a-z0-9_]{0,62}\.)?[a-z_][a-z0-9_]{0,45}$/,
});

/**
 * The table, as a migration creates it.
 * @throws OptionError for a table name that needs quotes
 */
export function postgresTable(table: string = POSTGRES_STORE_DEFAULTS.table): string {
  if (!TABLE_NAME.accepts(table)) {
    throw new OptionError('postgresTable', [`the table must be ${TABLE_NAME.expected}.`]);
  }
  return createTable(table).join(';\n');
}

/** Two statements: not every driver takes them at once. */
function createTable(table: string): readonly [string, string] {
  return [
    `CREATE TABLE IF NOT EXISTS ${table} (
  tier text NOT NULL,
  kind text NOT NULL,
  start_at bigint NOT NULL,
  writer text COLLATE "C" NOT NULL,
  revision bigint NOT NULL,
  rolled boolean NOT NULL DEFAULT false,
  payload text NOT NULL,
  PRIMARY KEY (tier, kind, start_at, writer)
)`,
    `CREATE INDEX IF NOT EXISTS ${table.split('.').at(-1)}_unrolled ON ${table} (tier, kind, start_at) WHERE NOT rolled`,
  ];
}

/**
 * Makes a store of a database of yours; opening and closing it stays yours.
 * @throws OptionError for unknown or wrong options
 */
export function postgresStore(
  options: Given<PostgresStoreOptions> & Pick<PostgresStoreOptions, 'query'>,
): AnalyticsStore {
  const settings = resolveOptions<PostgresStoreOptions>(
    'postgresStore',
    { query: missing, ...POSTGRES_STORE_DEFAULTS },
    { query: func<PostgresQuery>(), table: TABLE_NAME, create: boolean() },
    options,
  );
  const { query, table, create } = settings;
  if (query === missing) {
    throw new OptionError('postgresStore', ['option "query" is needed: it runs a statement.']);
  }
  const sql = statementsFor(table);
  const run = async (
    statement: string,
    ...values: (string | number)[]
  ): Promise<readonly Fields[]> => (await query(statement, values)).rows as readonly Fields[];

  return Object.freeze<AnalyticsStore>({
    async start() {
      if (!create) return;
      for (const statement of createTable(table)) {
        await run(statement).catch(unlessMadeMeanwhile);
      }
    },
    async put(rows) {
      await run(sql.put, json(rows));
    },
    async read({ tier, kind, fromAt, toAt, after, limit }: ReadRange) {
      const { startAt, writer } = after ?? { startAt: fromAt - 1, writer: '' };
      const rows = await run(sql.read, tier, kind, fromAt, toAt, startAt, writer, limit);
      return rows.map(rowOf);
    },
    async replace(row: Row, expected: number, sources: readonly Source[] = []) {
      const done = await run(
        expected === 0 ? sql.insert : sql.update,
        row.tier,
        row.kind,
        row.startAt,
        row.writer,
        row.revision,
        row.payload,
        json(sources),
        ...(expected === 0 ? [] : [expected]),
      );
      return Number(done[0]?.['written']) === 1;
    },
    async unrolled(tier: Tier, kind: RowKind, periodMs: number, limit: number) {
      const rows = await run(sql.unrolled, tier, kind, periodMs, limit);
      return rows.map((row) => Number(row['period']));
    },
    async prune(tier: Tier, beforeAt: number, limit: number) {
      const rows = await run(tier === 'day' ? sql.pruneAll : sql.prune, tier, beforeAt, limit);
      return rows.length;
    },
    async remove({ tier, kind, startAt, writer }: Place) {
      await run(sql.remove, tier, kind, startAt, writer);
    },
  });
}

type Fields = Readonly<Record<string, unknown>>;

function statementsFor(
  table: string,
): Readonly<
  Record<
    'put' | 'read' | 'insert' | 'update' | 'unrolled' | 'prune' | 'pruneAll' | 'remove',
    string
  >
> {
  const place = 't.tier = $1 AND t.kind = $2 AND t.start_at = $3 AND t.writer = $4';
  const marked = `marked AS (
  UPDATE ${table} t SET rolled = true
  FROM json_to_recordset($7::text::json) AS s(tier text, kind text, "startAt" bigint, writer text, revision bigint)
  WHERE t.tier = s.tier AND t.kind = s.kind AND t.start_at = s."startAt" AND t.writer = s.writer
    AND t.revision = s.revision AND EXISTS (SELECT 1 FROM written)
)
SELECT count(*)::text AS written FROM written`;
  const prune = (which: string): string => `DELETE FROM ${table} t USING (
  SELECT kind, start_at, writer FROM ${table}
  WHERE tier = $1 AND start_at < $2::bigint${which} ORDER BY start_at LIMIT $3::int
) old
WHERE t.tier = $1 AND t.kind = old.kind AND t.start_at = old.start_at AND t.writer = old.writer${which}
RETURNING 1`;
  return {
    put: `INSERT INTO ${table} AS t (tier, kind, start_at, writer, revision, payload)
SELECT tier, kind, "startAt", writer, revision, payload
FROM json_to_recordset($1::text::json) AS r(tier text, kind text, "startAt" bigint, writer text, revision bigint, payload text)
ON CONFLICT (tier, kind, start_at, writer) DO UPDATE
SET revision = excluded.revision, payload = excluded.payload, rolled = false
WHERE t.revision < excluded.revision`,
    read: `SELECT tier, kind, start_at::text, writer, revision::text, payload FROM ${table}
WHERE tier = $1 AND kind = $2 AND start_at >= $3::bigint AND start_at < $4::bigint
  AND (start_at, writer) > ($5::bigint, $6::text COLLATE "C")
ORDER BY start_at, writer LIMIT $7::int`,
    insert: `WITH written AS (
  INSERT INTO ${table} (tier, kind, start_at, writer, revision, payload)
  VALUES ($1, $2, $3::bigint, $4, $5::bigint, $6)
  ON CONFLICT DO NOTHING RETURNING 1
), ${marked}`,
    update: `WITH written AS (
  UPDATE ${table} t
  SET revision = $5::bigint, payload = $6, rolled = t.rolled AND t.revision = $5::bigint
  WHERE ${place} AND t.revision = $8::bigint RETURNING 1
), ${marked}`,
    unrolled: `SELECT DISTINCT (start_at / $3::bigint * $3::bigint)::text AS period, start_at / $3::bigint AS at
FROM ${table} WHERE tier = $1 AND kind = $2 AND NOT rolled ORDER BY at LIMIT $4::int`,
    prune: prune(' AND rolled'),
    pruneAll: prune(''),
    remove: `DELETE FROM ${table} t WHERE ${place}`,
  };
}

function rowOf(fields: Fields): Row {
  return {
    tier: fields['tier'] as RowTier,
    kind: fields['kind'] as RowKind,
    startAt: Number(fields['start_at']),
    writer: fields['writer'] as string,
    revision: Number(fields['revision']),
    payload: fields['payload'] as string,
  };
}

function json(rows: readonly Source[]): string {
  return JSON.stringify(rows);
}

/** SQLSTATE of what "IF NOT EXISTS" still says where two make the same thing at once. */
const MADE_MEANWHILE: ReadonlySet<unknown> = new Set(['23505', '42P07', '42710']);

function unlessMadeMeanwhile(error: unknown): readonly Fields[] {
  if (MADE_MEANWHILE.has((error as { code?: unknown }).code)) return [];
  throw error;
}

function missing(): never {
  throw storeUnavailable('a statement');
}
