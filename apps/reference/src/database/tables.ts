/** The tables, as Kysely's types see them; `migrations/` makes them. */
import type { ColumnType, Generated, JSONColumnType } from 'kysely';

/** A country of the world. */
export interface CountriesTable {
  /** ISO 3166-1 alpha-2. */
  readonly code: string;
  /** ISO 3166-1 alpha-3. */
  readonly code3: string;
  readonly name: string;
  readonly official_name: string;
  readonly capital: string | null;
  readonly region: string;
  readonly subregion: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly area_km2: number;
  readonly flag: string;
  readonly currencies: JSONColumnType<Record<string, unknown>>;
  readonly languages: JSONColumnType<Record<string, string>>;
  /** ISO 3166-1 alpha-3 codes of the neighbours. */
  readonly borders: JSONColumnType<string[]>;
}

/** A city with its place on the globe. */
export interface CitiesTable {
  /** GeoNames' own id. */
  readonly id: number;
  readonly name: string;
  /** The name as it is searched and sorted by: lower case, without diacritics, in byte order. */
  readonly search_name: string;
  readonly country_code: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly population: number;
  /** GeoNames' feature code, such as PPLC for a capital. */
  readonly feature: string;
}

/** A data set that has been loaded. */
export interface DatasetsTable {
  readonly name: string;
  /** What was loaded: its package's version, and what was left out. */
  readonly version: string;
  readonly rows: number;
  readonly loaded_at: Generated<Date>;
}

/** A named list of cities with dates. */
export interface TripsTable {
  readonly id: Generated<string>;
  /** Grows by one per trip; pages are walked by it. */
  readonly seq: Generated<number>;
  readonly owner: string;
  readonly name: string;
  readonly notes: string | null;
  readonly created_at: Generated<Date>;
  readonly updated_at: ColumnType<Date, never, Date>;
}

/** One city of a trip. */
export interface TripStopsTable {
  readonly trip_id: string;
  readonly position: number;
  readonly city_id: number;
  /** A day, as `YYYY-MM-DD`. */
  readonly arrives_on: string;
  readonly leaves_on: string;
}

/** The whole schema. */
export interface Tables {
  readonly countries: CountriesTable;
  readonly cities: CitiesTable;
  readonly datasets: DatasetsTable;
  readonly trips: TripsTable;
  readonly trip_stops: TripStopsTable;
}
