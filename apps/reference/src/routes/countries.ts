/** `/api/countries`: all of them, or one. There are 250, and no more to come: no pages. */
import type { Batch } from '@org/batch';
import type { Db } from '@org/db';
import type { Kyselies } from '@org/db/kysely';
import { routes } from '@org/openapi';
import { eager, type Eager } from '@org/query';
import { Router } from 'express';
import type { Selectable } from 'kysely';
import { z } from 'zod';

import type { CountriesTable, Tables } from '../database/tables.ts';
import { problems } from '../problems.ts';
import { plainText } from './inputs.ts';

const LIST = z.strictObject({ region: plainText(50).optional() });
const ONE = z.object({
  code: z
    .string()
    .regex(/^[A-Za-z]{2,3}$/, 'must be a country code of two or three letters')
    .toUpperCase(),
});

/** What lists show of a country. */
const BRIEF = ['code', 'code3', 'name', 'capital', 'region', 'subregion', 'flag'] as const;

export type BriefCountry = Pick<Selectable<CountriesTable>, (typeof BRIEF)[number]>;

const BRIEF_COUNTRY = z
  .object({
    code: z.string().meta({ description: 'ISO 3166-1 alpha-2.' }),
    code3: z.string().meta({ description: 'ISO 3166-1 alpha-3.' }),
    name: z.string(),
    capital: z.string().nullable(),
    region: z.string(),
    subregion: z.string(),
    flag: z.string(),
  })
  .meta({ id: 'BriefCountry', description: 'A country, in brief.' });

/** What lists show of a country. */
export const briefCountry: z.ZodType<BriefCountry, BriefCountry> = BRIEF_COUNTRY;

const COUNTRY = BRIEF_COUNTRY.extend({
  officialName: z.string(),
  latitude: z.number(),
  longitude: z.number(),
  areaKm2: z.number(),
  currencies: z.record(z.string(), z.unknown()),
  languages: z.record(z.string(), z.string()),
  borders: z.array(z.string()).meta({ description: 'ISO 3166-1 alpha-3 codes of the neighbours.' }),
  cities: z.string().meta({ description: 'The address of its cities.' }),
}).meta({ id: 'Country', description: 'A country.' });

const COUNTRIES = z.object({ items: z.array(BRIEF_COUNTRY) });

export function countries(tables: Kyselies<Tables>): Router {
  const router = Router();
  const route = routes({ tags: ['countries'] });

  router.get(
    '/',
    route(
      {
        summary: 'All countries, or those of a region',
        query: LIST,
        responses: { 200: COUNTRIES },
        examples: { oceania: { summary: 'Oceania', query: { region: 'Oceania' } } },
      },
      async (req, res) => {
        const { region } = req.valid.query;
        let query = tables.of(req).selectFrom('countries').select(BRIEF).orderBy('code');
        if (region !== undefined) query = query.where('region', 'ilike', escapeLike(region));
        res.json({ items: await query.execute() });
      },
    ),
  );

  router.get(
    '/:code',
    route(
      {
        summary: 'One country',
        params: ONE,
        responses: { 200: COUNTRY },
        problems: [problems.countryNotFound.definition],
        examples: { newZealand: { summary: 'New Zealand', params: { code: 'NZ' } } },
      },
      async (req, res) => {
        const { code } = req.valid.params;
        const country = await tables
          .of(req)
          .selectFrom('countries')
          .selectAll()
          .where(code.length === 2 ? 'code' : 'code3', '=', code)
          .executeTakeFirst();
        if (country === undefined)
          throw problems.countryNotFound(`There is no country with the code ${code}.`);
        res.json(show(country));
      },
    ),
  );

  return router;
}

/** Countries by code: those that a request asks for at once are one statement. */
export function countriesByCode(
  sessions: Db,
  { batcher }: Pick<Batch, 'batcher'>,
): Eager<BriefCountry | undefined> {
  return eager<BriefCountry>(
    (exchange) => (exchange === undefined ? sessions.session() : sessions.of(exchange)),
    { name: 'countries by code', from: 'countries', key: 'code', columns: BRIEF, batcher },
  );
}

/** Text in which `like` finds no pattern. */
export function escapeLike(text: string): string {
  return text.replaceAll(/[\\%_]/g, (character) => `\\${character}`);
}

function show(country: Selectable<CountriesTable>) {
  return {
    code: country.code,
    code3: country.code3,
    name: country.name,
    officialName: country.official_name,
    capital: country.capital,
    region: country.region,
    subregion: country.subregion,
    flag: country.flag,
    latitude: country.latitude,
    longitude: country.longitude,
    areaKm2: country.area_km2,
    currencies: country.currencies,
    languages: country.languages,
    borders: country.borders,
    cities: `/api/cities?country=${country.code}`,
  };
}
