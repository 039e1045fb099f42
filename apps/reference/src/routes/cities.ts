/** `/api/cities`: pages of cities, one city, and its neighbours. */
import type { Batch } from '@org/batch';
import { routes } from '@org/openapi';
import { keyset, type Keyset } from '@org/query';
import { applyKeyset } from '@org/query/kysely';
import { Router } from 'express';
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';

import type { Database } from '../database/database.ts';
import type { Tables } from '../database/tables.ts';
import { boundingBox, EARTH_RADIUS_KM } from '../great-circle.ts';
import { problems } from '../problems.ts';
import { searchName } from '../search-name.ts';
import { CITIES, FLAT_CITIES, FLAT_UNTIL } from './city-answers.ts';
import { showsCities } from './city-group.ts';
import { countriesByCode, escapeLike } from './countries.ts';
import { countryCode, plainText, wholeNumber } from './inputs.ts';
import { addressOf, cursor, MAX_CURSOR_BYTES, seekIn, shownPage } from './paging.ts';

/** The orders of a page, as its query names them. Each has an index, with the id as its tie-breaker. */
const ORDERS = Object.freeze({
  '-population': { column: 'population', direction: 'desc' },
  population: { column: 'population', direction: 'asc' },
  name: { column: 'search_name', direction: 'asc' },
  '-name': { column: 'search_name', direction: 'desc' },
} as const);

type OrderName = keyof typeof ORDERS;

const LIST = z.strictObject({
  country: countryCode.optional(),
  q: plainText(100).optional(),
  minPopulation: wholeNumber(0).optional(),
  include: z.enum(['country']).optional(),
  // Which members are shown is chosen on the way out.
  fields: z.string().optional(),
  sort: z.enum(Object.keys(ORDERS) as [OrderName, ...OrderName[]]).optional(),
  limit: wholeNumber(1, 100).optional(),
  after: cursor.optional(),
});
const ONE = z.object({ id: wholeNumber(0) });
const FIELDS = z.object({ fields: z.string().optional() });
const NEARBY = z.strictObject({
  radiusKm: wholeNumber(1, 500).optional(),
  limit: wholeNumber(1, 100).optional(),
});

const DEFAULT_LIMIT = 20;
const DEFAULT_RADIUS_KM = 50;

export function cities(
  { sql: tables, sessions }: Database,
  batching: Pick<Batch, 'batcher'>,
  cursorSecret: string,
): Router {
  const router = Router();
  const byCode = countriesByCode(sessions, batching);
  const pages = pagesBy(cursorSecret);
  const route = routes({ tags: ['cities'] });
  router.use(showsCities);

  router.get(
    '/',
    route(
      {
        summary: 'Pages of cities',
        description: 'Keyset pages: follow `next` as it stands.',
        query: LIST,
        responses: { 200: CITIES.page },
        problems: [problems.unknownCursor.definition],
        earlier: { [FLAT_UNTIL]: { responses: { 200: FLAT_CITIES.page } } },
        examples: {
          largest: { summary: 'The largest', query: { limit: '5' } },
          argentina: {
            summary: 'Of Argentina, by name',
            query: { q: 'san', country: 'AR', minPopulation: '100000', sort: 'name' },
          },
        },
      },
      async (req, res) => {
        const given = req.valid.query;
        const {
          country,
          q,
          minPopulation,
          sort = '-population',
          limit = DEFAULT_LIMIT,
          after,
        } = given;
        const seek = seekIn(pages[sort], { after, limit });

        let query = tables.of(req).selectFrom('cities').select(SHOWN);
        if (country !== undefined) query = query.where('country_code', '=', country);
        if (q !== undefined) query = query.where('search_name', 'like', `${prefix(q)}%`);
        if (minPopulation !== undefined) query = query.where('population', '>=', minPopulation);
        const rows = await applyKeyset(query, seek).execute();

        const page = shownPage(seek.page(rows), show, (next) =>
          addressOf(req.baseUrl, { ...given, after: next }),
        );
        if (page.next !== null) res.links({ next: page.next });
        if (given.include === undefined) {
          res.json(page);
          return;
        }
        const countries = byCode.for(req);
        const items = page.items.map(async (city) => ({
          ...city,
          country: (await countries.load(city.country)) ?? city.country,
        }));
        res.json({ ...page, items: await Promise.all(items) });
      },
    ),
  );

  router.get(
    '/:id',
    route(
      {
        summary: 'One city',
        params: ONE,
        query: FIELDS,
        responses: { 200: CITIES.one },
        problems: [problems.cityNotFound.definition],
        earlier: { [FLAT_UNTIL]: { responses: { 200: FLAT_CITIES.one } } },
        examples: { paris: { summary: 'Paris', params: { id: '2988507' } } },
      },
      async (req, res) => {
        res.json(showWhole(await findCity(tables.of(req), req.valid.params.id), req.baseUrl));
      },
    ),
  );

  router.get(
    '/:id/nearby',
    route(
      {
        summary: 'The neighbours of a city, nearest first',
        params: ONE,
        query: NEARBY,
        responses: { 200: CITIES.nearby },
        problems: [problems.cityNotFound.definition],
        earlier: { [FLAT_UNTIL]: { responses: { 200: FLAT_CITIES.nearby } } },
        examples: {
          paris: { summary: 'Around Paris', params: { id: '2988507' }, query: { radiusKm: '20' } },
        },
      },
      async (req, res) => {
        const { id } = req.valid.params;
        const { radiusKm = DEFAULT_RADIUS_KM, limit = DEFAULT_LIMIT } = req.valid.query;
        const db = tables.of(req);
        const centre = await findCity(db, id);
        const rows = await neighbours(db, centre, radiusKm, limit);
        res.json({
          items: rows.map((row) => ({
            ...show(row),
            distanceKm: Number(row.distance_km.toFixed(3)),
          })),
        });
      },
    ),
  );

  return router;
}

/** The pages of each order. */
function pagesBy(secret: string): Readonly<Record<OrderName, Keyset>> {
  const pages = Object.entries(ORDERS).map(([name, order]) => [
    name,
    keyset({
      orderBy: [{ ...order, nulls: 'none' }],
      key: 'id',
      secret,
      maxCursorBytes: MAX_CURSOR_BYTES,
    }),
  ]);
  return Object.fromEntries(pages) as Readonly<Record<OrderName, Keyset>>;
}

const SHOWN = ['id', 'name', 'country_code', 'latitude', 'longitude', 'population'] as const;

interface Shown {
  readonly id: number;
  readonly name: string;
  readonly country_code: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly population: number;
}

function show({ id, name, country_code: country, latitude, longitude, population }: Shown) {
  return { id, name, country, coordinates: { latitude, longitude }, population };
}

/** A city with all there is; `base` is the address of all cities. */
export function showWhole(city: WholeCity, base: string): z.infer<typeof CITIES.one> {
  return {
    ...show(city),
    feature: city.feature,
    countryName: city.country_name,
    nearby: `${base}/${city.id}/nearby`,
  };
}

function prefix(q: string): string {
  return escapeLike(searchName(q));
}

interface WholeCity extends Shown {
  readonly feature: string;
  readonly country_name: string;
}

/** @throws ProblemError 404 */
export async function findCity(db: Kysely<Tables>, id: number): Promise<WholeCity> {
  const city = await db
    .selectFrom('cities')
    .innerJoin('countries', 'countries.code', 'cities.country_code')
    .select([
      'cities.id',
      'cities.name',
      'cities.country_code',
      'cities.latitude',
      'cities.longitude',
      'cities.population',
      'cities.feature',
      'countries.name as country_name',
    ])
    .where('cities.id', '=', id)
    .executeTakeFirst();
  if (city !== undefined) return city;
  throw problems.cityNotFound(`There is no city with the id ${id}.`);
}

/** The nearest first; where two are equally far, the lower id. */
async function neighbours(
  db: Kysely<Tables>,
  centre: Shown,
  radiusKm: number,
  limit: number,
): Promise<(Shown & { readonly distance_km: number })[]> {
  const { latitudes, longitudes } = boundingBox(centre.latitude, centre.longitude, radiusKm);
  const distance = haversine(centre);
  return db
    .selectFrom(
      db
        .selectFrom('cities')
        .select([...SHOWN, distance.as('distance_km')])
        .where('latitude', '>=', latitudes.from)
        .where('latitude', '<=', latitudes.to)
        .where(({ or, and, eb }) =>
          or(
            longitudes.map(({ from, to }) =>
              and([eb('longitude', '>=', from), eb('longitude', '<=', to)]),
            ),
          ),
        )
        .where('id', '!=', centre.id)
        .as('box'),
    )
    .selectAll()
    .where('distance_km', '<=', radiusKm)
    .orderBy('distance_km')
    .orderBy('id')
    .limit(limit)
    .execute();
}

/** Great-circle distance in km. Rounding may bring the root just above 1, where there is no arc sine. */
function haversine({ latitude, longitude }: Shown) {
  return sql<number>`
    ${2 * EARTH_RADIUS_KM}::float8 * asin(least(1, sqrt(
      power(sin(radians(latitude - ${latitude}::float8) / 2), 2)
      + cos(radians(${latitude}::float8)) * cos(radians(latitude))
        * power(sin(radians(longitude - ${longitude}::float8) / 2), 2)
    )))`;
}
