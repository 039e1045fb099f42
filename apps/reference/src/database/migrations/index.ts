/**
 * Every migration, oldest first. One that has been released is never changed: what is
 * wrong with it, the next one puts right.
 */
import { type Kysely, type Migration, Migrator } from 'kysely';

import { places } from './0001-places.ts';
import { trips } from './0002-trips.ts';
import { idempotencyKeys } from './0003-idempotency-keys.ts';
import { apiAnalytics } from './0004-api-analytics.ts';

const MIGRATIONS: Readonly<Record<string, Migration>> = Object.freeze({
  '0001-places': places,
  '0002-trips': trips,
  '0003-idempotency-keys': idempotencyKeys,
  '0004-api-analytics': apiAnalytics,
});

/** Brings the schema up to date; several processes may try at once, one does it. */
export async function migrate<T>(db: Kysely<T>): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve({ ...MIGRATIONS }) },
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const failed = results?.find(({ status }) => status === 'Error')?.migrationName;
  throw new Error(`The migration ${failed ?? 'of the database'} failed.`, { cause: error });
}
