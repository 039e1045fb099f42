/**
 * What the service answers of cities, as schemas by version: what says where they lie has
 * changed. The routes are held to the newest.
 */
import { z } from 'zod';

import type { VERSIONS } from '../versions.ts';
import { type BriefCountry, briefCountry } from './countries.ts';
import { nextPage } from './paging.ts';

/** The last version whose cities have their latitude and longitude beside their name. */
export const FLAT_UNTIL: (typeof VERSIONS)[number] = '2026-01-01';

const coordinates = z
  .object({ latitude: z.number(), longitude: z.number() })
  .meta({ id: 'Coordinates', description: 'In degrees, WGS 84.' });

const brief = {
  id: z.int().meta({ description: 'GeoNames’ own id.' }),
  name: z.string(),
  country: z
    .union([z.string(), briefCountry])
    .meta({ description: 'A code of two letters, or the country where it is included.' }),
  population: z.int(),
};
const whole = {
  feature: z.string().meta({ description: 'GeoNames’ feature code, such as PPLC.' }),
  countryName: z.string(),
  nearby: z.string().meta({ description: 'The address of its neighbours.' }),
};

interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

interface Brief {
  readonly id: number;
  readonly name: string;
  readonly country: string | BriefCountry;
  readonly population: number;
}

interface Whole extends Brief {
  readonly feature: string;
  readonly countryName: string;
  readonly nearby: string;
}

/** The answers of the routes of cities, with what says where one lies. */
export interface CityAnswers<Place> {
  readonly one: Answer<Whole & Place>;
  readonly page: Answer<{
    readonly items: readonly (Brief & Place)[];
    readonly next: string | null;
  }>;
  readonly nearby: Answer<{
    readonly items: readonly (Brief & Place & { readonly distanceKm: number })[];
  }>;
}

type Answer<T> = z.ZodType<T, T>;

function answersOf<P extends z.ZodRawShape>(place: P) {
  const City = z.object({ ...brief, ...place }).meta({ id: 'City', description: 'A city.' });
  return {
    one: City.extend(whole).meta({ id: 'WholeCity', description: 'A city with all there is.' }),
    page: z.object({ items: z.array(City), next: nextPage }),
    nearby: z.object({
      items: z.array(City.extend({ distanceKm: z.number() }).meta({ id: 'Neighbour' })),
    }),
  };
}

/** As they are. */
export const CITIES: CityAnswers<{ readonly coordinates: Point }> = answersOf({ coordinates });
/** As they were until November 2026. */
export const FLAT_CITIES: CityAnswers<Point> = answersOf({
  latitude: z.number(),
  longitude: z.number(),
});
