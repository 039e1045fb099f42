/**
 * Handlers whose work is done once for each Idempotency-Key: what they do, and what they have
 * answered, commit together, in a transaction of the request's session.
 */
import { type Transactional, transactional } from '@org/dedup';
import { postgresRecords } from '@org/dedup/postgres';
import { CompiledQuery, type Kysely } from 'kysely';

import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

export function onceFor({ sessions, sql }: Database): Transactional<Kysely<Tables>> {
  return transactional<Kysely<Tables>>({
    records: postgresRecords({
      query: async (trx, text, parameters) => {
        const { rows } = await trx.executeQuery<Record<string, unknown>>(
          CompiledQuery.raw(text, [...parameters]),
        );
        return rows;
      },
    }),
    transaction: (work, exchange) => sessions.of(exchange).transaction((tx) => work(sql.over(tx))),
  });
}
