/**
 * What the service answers of cities, as schemas by version: what says where they lie has
 * changed. The routes are held to the newest.
 */
import { z } from 'zod';

import { briefCountry } from './countries.ts';
import { nextPage } from './paging.ts';

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

/** The answers of the routes of cities. */
export interface CityAnswers {
  readonly one: z.ZodType;
  readonly page: z.ZodType;
  readonly nearby: z.ZodType;
}

function answersOf(place: z.ZodRawShape): CityAnswers {
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
export const CITIES: CityAnswers = answersOf({ coordinates });
/** As they were until November 2026. */
export const FLAT_CITIES: CityAnswers = answersOf({ latitude: z.number(), longitude: z.number() });
