/** Keyset pages in Drizzle's select, and Drizzle's logger for those without `@org/db`. */
import { type Logger, type SQL, sql } from 'drizzle-orm';

import type { Fragment } from './fragment.ts';
import { POSITION, type Seek } from './keyset.ts';
import type { QueryRecord } from './query-record.ts';

/** The parts of a select that reads one page. */
export interface DrizzleSeek {
  /** For the columns of the select, beside others: `{ ...getTableColumns(trips), ...page.columns }`. */
  readonly columns: { readonly [POSITION]: SQL.Aliased };
  /** For `where`, by itself or in `and(…)`; undefined on the first page. */
  readonly where: SQL | undefined;
  /** For `orderBy(...page.orderBy)`. */
  readonly orderBy: SQL[];
  readonly limit: number;
}

/** A page as the parts of a select of Drizzle's. */
export function drizzleSeek({ parts, limit }: Seek): DrizzleSeek {
  const { place, where, orderBy } = parts;
  return {
    columns: { [POSITION]: raw(place).as(POSITION) },
    where: where === undefined ? undefined : raw(where),
    orderBy: orderBy.map(raw),
    limit,
  };
}

/** For `drizzle(…, { logger })`: counts statements. Drizzle tells of them before they run: how long they take is not known. */
export function drizzleLogger(watch: { record(record: QueryRecord): void }): Logger {
  return { logQuery: (text) => watch.record({ text, durationMs: Number.NaN }) };
}

/** `sql` as a template takes texts and the values between them. */
function raw({ texts, values }: Fragment): SQL {
  return sql(texts as unknown as TemplateStringsArray, ...values);
}
