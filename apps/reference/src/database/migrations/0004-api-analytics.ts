/** What is counted of the API's use: minutes of each process, and the hours and days made of them. */
import { postgresTable } from '@org/analytics';
import { type Kysely, type Migration, sql } from 'kysely';

export const apiAnalytics: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of postgresTable().split(';')) {
      await sql.raw(statement).execute(db);
    }
  },
  async down(db: Kysely<unknown>) {
    await sql`drop table api_analytics`.execute(db);
  },
};
