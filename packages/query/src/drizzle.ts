/**
 * Keyset pages in Drizzle's select, and Drizzle's logger for those without `@org/db`. Drizzle itself
 * is not imported: it is the caller's, in the caller's version.
 */
import type { Fragment } from './fragment.ts';
import { POSITION, type Seek } from './keyset.ts';
import type { QueryRecord } from './query-record.ts';

/** `sql` of Drizzle: a piece of SQL from texts and the values between them. */
export type SqlTag<Q> = (texts: TemplateStringsArray, ...values: unknown[]) => Q;

/** The parts of a select that reads one page. */
export interface DrizzleSeek<Q> {
  /** For the columns of the select, beside others: `{ ...getTableColumns(trips), ...page.columns }`. */
  readonly columns: { readonly [POSITION]: Q };
  /** For `where`, by itself or in `and(…)`; undefined on the first page. */
  readonly where: Q | undefined;
  /** For `orderBy(...page.orderBy)`. */
  readonly orderBy: Q[];
  readonly limit: number;
}

/** A page as the parts of a select of Drizzle's, whose `sql` makes them. */
export function drizzleSeek<Q>(sql: SqlTag<Q>, { parts, limit }: Seek): DrizzleSeek<Q> {
  const { place, where, orderBy } = parts;
  // `sql` as a template takes texts and the values between them.
  const raw = ({ texts, values }: Fragment): Q =>
    sql(texts as unknown as TemplateStringsArray, ...values);
  return {
    columns: { [POSITION]: raw(place) },
    where: where === undefined ? undefined : raw(where),
    orderBy: orderBy.map(raw),
    limit,
  };
}

/** For `drizzle(…, { logger })`: counts statements. Drizzle tells of them before they run: how long they take is not known. */
export function drizzleLogger(watch: { record(record: QueryRecord): void }): {
  logQuery(text: string, values: unknown[]): void;
} {
  return { logQuery: (text) => watch.record({ text, durationMs: Number.NaN }) };
}
