/** Trips and their stops. */
import { type Kysely, type Migration, sql } from 'kysely';

export const trips: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`
      create table trips (
        id uuid primary key default gen_random_uuid(),
        seq integer not null generated always as identity,
        owner text not null,
        name text not null,
        notes text,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now()
      )`.execute(db);
    await sql`create unique index trips_owner on trips (owner, seq)`.execute(db);
    await sql`
      create table trip_stops (
        trip_id uuid not null references trips on delete cascade,
        position integer not null,
        city_id integer not null references cities,
        arrives_on date not null,
        leaves_on date not null,
        primary key (trip_id, position),
        check (leaves_on >= arrives_on)
      )`.execute(db);
  },
  async down(db: Kysely<unknown>) {
    await sql`drop table trip_stops, trips`.execute(db);
  },
};
