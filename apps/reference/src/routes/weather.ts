/** `/api/cities/:id/weather`: from another service, as well as it can be known. */
import { exchangeOf } from '@org/core';
import type { Kyselies } from '@org/db/kysely';
import { Router } from 'express';
import { z } from 'zod';

import type { Tables } from '../database/tables.ts';
import type { WeatherSource } from '../weather/weather-source.ts';
import { findCity } from './cities.ts';
import { wholeNumber } from './inputs.ts';

const ONE = z.object({ id: wholeNumber(0) });

export function weatherOfCities(
  tables: Kyselies<Tables>,
  source: WeatherSource,
  maxAgeSeconds: number,
): Router {
  // RFC 5861: while it is asked for anew, and when nobody knows, that of a while ago is better than none.
  const cacheControl = `public, max-age=${maxAgeSeconds}, stale-while-revalidate=${maxAgeSeconds}, stale-if-error=21600`;
  const router = Router();

  router.get('/:id/weather', async (req, res) => {
    const { id } = ONE.parse(req.params);
    const city = await findCity(tables.of(req), id);
    const weather = await source.at(city, exchangeOf(req, res));
    res.setHeader('Cache-Control', cacheControl);
    res.json({ city: `${req.baseUrl}/${id}`, ...weather });
  });

  return router;
}
