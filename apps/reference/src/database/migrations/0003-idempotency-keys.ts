/** What requests with an Idempotency-Key were answered: written by the transactions that do their work. */
import { postgresTable } from '@org/dedup/postgres';
import { type Kysely, type Migration, sql } from 'kysely';

export const idempotencyKeys: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of postgresTable().split(';')) {
      if (statement.trim() !== '') await sql.raw(statement).execute(db);
    }
  },
  async down(db: Kysely<unknown>) {
    await sql`drop table idempotency_keys`.execute(db);
  },
};
