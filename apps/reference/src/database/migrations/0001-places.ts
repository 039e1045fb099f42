/** Countries, cities, and the mark that says what has been loaded. */
import { type Kysely, type Migration, sql } from 'kysely';

export const places: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`
      create table countries (
        code text collate "C" primary key,
        code3 text collate "C" not null unique,
        name text not null,
        official_name text not null,
        capital text,
        region text not null,
        subregion text not null,
        latitude float8 not null,
        longitude float8 not null,
        area_km2 float8 not null,
        flag text not null,
        currencies jsonb not null,
        languages jsonb not null,
        borders jsonb not null
      )`.execute(db);
    // Byte order: the same on every server, and what a prefix search needs of an index.
    await sql`
      create table cities (
        id integer primary key,
        name text not null,
        search_name text collate "C" not null,
        country_code text collate "C" not null references countries,
        latitude float8 not null,
        longitude float8 not null,
        population integer not null,
        feature text not null
      )`.execute(db);
    // One for each order of the pages, id last as the tie-breaker, read in either direction.
    await sql`create index cities_population on cities (population, id)`.execute(db);
    await sql`create index cities_name on cities (search_name, id)`.execute(db);
    await sql`create index cities_country_population on cities (country_code, population, id)`.execute(
      db,
    );
    await sql`create index cities_country_name on cities (country_code, search_name, id)`.execute(
      db,
    );
    // The bounding box of a search for neighbours.
    await sql`create index cities_place on cities (latitude, longitude)`.execute(db);
    await sql`
      create table datasets (
        name text primary key,
        version text not null,
        rows integer not null,
        loaded_at timestamptz not null default now()
      )`.execute(db);
  },
  async down(db: Kysely<unknown>) {
    await sql`drop table datasets, cities, countries`.execute(db);
  },
};
