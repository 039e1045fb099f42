/** `/api/cities/:id/weather`: from another service, as well as it can be known. */
import { exchangeOf } from '@org/core';
import type { Kyselies } from '@org/db/kysely';
import { route } from '@org/openapi';
import { Router } from 'express';
import { z } from 'zod';

import type { Tables } from '../database/tables.ts';
import type { WeatherSource } from '../weather/weather-source.ts';
import { problems } from '../problems.ts';
import { findCity } from './cities.ts';
import { wholeNumber } from './inputs.ts';

const ONE = z.object({ id: wholeNumber(0) });

const WEATHER = z
  .object({
    city: z.string().meta({ description: 'The address of the city.' }),
    temperatureC: z.number(),
    windKmh: z.number(),
    sky: z.enum(['clear', 'clouds', 'rain', 'snow']),
    observedAt: z.iso.datetime(),
  })
  .meta({ id: 'Weather' });

/** `publish` tells those who listen to the weather of a city. */
export function weatherOfCities(
  tables: Kyselies<Tables>,
  source: WeatherSource,
  maxAgeSeconds: number,
  publish: (channel: string, data: unknown) => void,
): Router {
  // RFC 5861: while it is asked for anew, and when nobody knows, that of a while ago is better than none.
  const cacheControl = `public, max-age=${maxAgeSeconds}, stale-while-revalidate=${maxAgeSeconds}, stale-if-error=21600`;
  const router = Router();

  router.get(
    '/:id/weather',
    route(
      {
        summary: 'The weather of a city',
        tags: ['cities'],
        params: ONE,
        responses: { 200: WEATHER },
        problems: [problems.cityNotFound.definition, problems.weatherUnavailable.definition],
        examples: { paris: { summary: 'Of Paris', params: { id: '2988507' } } },
      },
      async (req, res) => {
        const { id } = req.valid.params;
        const city = await findCity(tables.of(req), id);
        const weather = await source.at(city, exchangeOf(req, res));
        const answer = { city: `${req.baseUrl}/${id}`, ...weather };
        publish(`weather/${id}`, answer);
        res.setHeader('Cache-Control', cacheControl);
        res.json(answer);
      },
    ),
  );

  return router;
}
