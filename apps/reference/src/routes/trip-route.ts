/** `/api/trips/:id/route`: in which order the cities of a trip are better visited. A job finds out. */
import { exchangeOf, type ProblemError } from '@org/core';
import { routes } from '@org/openapi';
import { type Request, Router } from 'express';
import { z } from 'zod';

import { problems } from '../problems.ts';
import type { RouteJobs, TripRoute } from '../trips/route-jobs.ts';
import type { Trips } from '../trips/trips.ts';
import { oneByUuid } from './inputs.ts';
import { OF_ONE, OF_TRIPS } from './trip-descriptions.ts';

/** Where to look for the route that was asked for. */
const ASKED = z.object({ route: z.string() });

/** How far its job is, and what it found. */
const FOUND = z.object({
  state: z.enum(['waiting', 'delayed', 'active', 'completed', 'failed']),
  progress: z.number().min(0).max(1),
  route: z
    .object({
      stops: z.array(z.object({ cityId: z.int(), city: z.string() })),
      order: z
        .array(z.int())
        .meta({ description: 'The same by their places in the trip, from 0.' }),
      lengthKm: z.number(),
      plannedKm: z.number(),
    })
    .optional(),
});

/** @param tripsOf the trips of whoever sends a request */
export function tripRoute(tripsOf: (req: Request) => Trips, jobs: RouteJobs): Router {
  const router = Router();
  const route = routes(OF_TRIPS);

  router.post(
    '/:id/route',
    route(
      {
        summary: 'Have the best order of its stops found',
        params: oneByUuid,
        responses: { 202: ASKED },
        problems: OF_ONE,
      },
      async (req, res) => {
        const { id } = req.valid.params;
        const trip = await tripsOf(req).find(id);
        await jobs.find(trip, exchangeOf(req, res));
        const address = `${req.baseUrl}/${id}/route`;
        // RFC 9110 §15.3.3: where to look how it goes on.
        res.status(202).location(address).json({ route: address });
      },
    ),
  );

  router.get(
    '/:id/route',
    route(
      {
        summary: 'How finding it goes on, and what was found',
        params: oneByUuid,
        responses: { 200: FOUND },
        problems: [...OF_ONE, problems.routeNotFound.definition],
      },
      async (req, res) => {
        const { id } = req.valid.params;
        const job = await jobs.look(await tripsOf(req).find(id));
        if (job === undefined) throw noRoute(id);
        const { state, progress, result } = job;
        res.json({
          state: state === 'dead' ? 'failed' : state,
          progress: state === 'completed' ? 1 : (progress?.ratio ?? 0),
          ...(result === undefined ? {} : { route: result as TripRoute }),
        });
      },
    ),
  );

  return router;
}

function noRoute(id: string): ProblemError {
  return problems.routeNotFound(
    `Nobody has asked for the route of the trip ${id} as it is now: POST to it.`,
  );
}
