/** Keyset pages on Kysely's builder of selects, and Kysely's log for those without `@org/db`. */
import { type LogEvent, type RawBuilder, type SelectQueryBuilder, sql, type SqlBool } from 'kysely';

import type { Fragment } from './fragment.ts';
import { POSITION, type Seek } from './keyset.ts';
import type { QueryRecord } from './query-record.ts';

/** A row with its place, which `seek.page` takes out again. */
export type Placed<O> = O & { readonly [POSITION]: unknown };

/** Makes a select read one page: its condition, its order, its limit, and the place of each row. */
export function applyKeyset<DB, TB extends keyof DB, O>(
  select: SelectQueryBuilder<DB, TB, O>,
  { parts, limit }: Seek,
): SelectQueryBuilder<DB, TB, Placed<O>> {
  const { place, where, orderBy } = parts;
  const bounded = where === undefined ? select : select.where(raw<SqlBool>(where));
  return orderBy
    .reduce((ordered, one) => ordered.orderBy(raw(one)), bounded)
    .limit(limit)
    .select(raw<unknown>(place).as(POSITION)) as never;
}

/** For `new Kysely({ log })`: tells the watch of statements. Their requests are not known to Kysely. */
export function kyselyLog(watch: { record(record: QueryRecord): void }): (event: LogEvent) => void {
  return ({ level, query, queryDurationMillis, ...more }) =>
    watch.record({
      text: query.sql,
      durationMs: queryDurationMillis,
      ...(level === 'error' ? { error: (more as { readonly error?: unknown }).error } : {}),
    });
}

/** `sql` as a template takes texts and the values between them. */
function raw<T>({ texts, values }: Fragment): RawBuilder<T> {
  return sql<T>(texts as unknown as TemplateStringsArray, ...values);
}
