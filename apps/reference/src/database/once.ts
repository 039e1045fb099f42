/**
 * Handlers whose work is done once for each Idempotency-Key: what they do, and what they have
 * answered, commit together.
 */
import { type Transactional, transactional } from '@org/dedup';
import { postgresRecords } from '@org/dedup/postgres';
import { CompiledQuery, type Kysely, type Transaction } from 'kysely';

import type { Tables } from './tables.ts';

export function onceFor(db: Kysely<Tables>): Transactional<Transaction<Tables>> {
  return transactional<Transaction<Tables>>({
    records: postgresRecords({
      query: async (trx, text, parameters) => {
        const { rows } = await trx.executeQuery<Record<string, unknown>>(
          CompiledQuery.raw(text, [...parameters]),
        );
        return rows;
      },
    }),
    transaction: (work) => db.transaction().execute(work),
  });
}
