/** What is counted of the API's use, in the service's own database. */
import { postgresStore, type AnalyticsStore } from '@org/analytics';
import { CompiledQuery, type Kysely } from 'kysely';

import type { Tables } from './tables.ts';

export function useOf(db: Kysely<Tables>): AnalyticsStore {
  return postgresStore({
    // Its table is a migration of ours, and there once the database has started.
    create: false,
    query: (statement, values) => db.executeQuery<object>(CompiledQuery.raw(statement, values)),
  });
}
