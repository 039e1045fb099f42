/**
 * `PATCH /api/cities/:id`: what is known of a city is put right, until a newer data set says
 * otherwise. Every process shows it from then on: the cache hears of the address by the request
 * itself (RFC 9111 §4.4), and of the pages and neighbours by their group (RFC 9875).
 */
import type { Kyselies } from '@org/db/kysely';
import { routes } from '@org/openapi';
import { Router } from 'express';
import { z } from 'zod';

import type { Tables } from '../database/tables.ts';
import { problems } from '../problems.ts';
import { findCity, showWhole } from './cities.ts';
import { CITIES, FLAT_CITIES, FLAT_UNTIL } from './city-answers.ts';
import { CITIES_GROUP } from './city-group.ts';
import { wholeNumber } from './inputs.ts';
import { owners } from './owners.ts';

const ONE = z.object({ id: wholeNumber(0) });
const CORRECTION = z.strictObject({ population: z.int32().min(0) });

export function corrections(
  tables: Kyselies<Tables>,
  apiKeys: ReadonlyMap<string, string>,
): Router {
  const router = Router();
  const route = routes({ tags: ['cities'], security: ['apiKey'] });

  router.patch(
    '/:id',
    owners(apiKeys),
    route(
      {
        summary: 'Correct a city',
        description: 'Whoever has a key may. A newer data set brings its own numbers.',
        params: ONE,
        body: CORRECTION,
        responses: { 200: CITIES.one },
        earlier: { [FLAT_UNTIL]: { responses: { 200: FLAT_CITIES.one } } },
        problems: [
          problems.cityNotFound.definition,
          problems.apiKeyMissing.definition,
          problems.apiKeyUnknown.definition,
        ],
        examples: {
          paris: {
            summary: 'Of Paris',
            params: { id: '2988507' },
            body: { population: 2_138_551 },
          },
        },
      },
      async (req, res) => {
        const { id } = req.valid.params;
        const db = tables.of(req);
        await db.updateTable('cities').set(req.valid.body).where('id', '=', id).execute();
        const city = await findCity(db, id);
        res.setHeader('Cache-Group-Invalidation', CITIES_GROUP);
        res.setHeader('Cache-Control', 'no-store');
        res.json(showWhole(city, req.baseUrl));
      },
    ),
  );

  return router;
}
