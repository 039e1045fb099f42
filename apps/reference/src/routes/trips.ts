/** `/api/trips`: named lists of cities with dates. Only its owner sees a trip. */
import type { Transactional } from '@org/dedup';
import { type RouteRequest, routes } from '@org/openapi';
import { type NextFunction, type Request, type Response, Router } from 'express';
import type { Kysely } from 'kysely';
import { z } from 'zod';

import type { Tables } from '../database/tables.ts';
import { problems } from '../problems.ts';
import type { TripRow, Trips } from '../trips/trips.ts';
import { oneByUuid, plainText, wholeNumber } from './inputs.ts';
import { addressOf, cursor, nextPage, shownPage } from './paging.ts';
import { OF_ONE, OF_TRIPS } from './trip-descriptions.ts';

const MAX_STOPS = 100;
const DEFAULT_LIMIT = 20;

const STOP = z
  .strictObject({
    cityId: z.int32().min(0),
    arrivesOn: z.iso.date('must be a day such as 2026-07-31'),
    leavesOn: z.iso.date('must be a day such as 2026-07-31'),
  })
  .refine(({ arrivesOn, leavesOn }) => leavesOn >= arrivesOn, {
    path: ['leavesOn'],
    message: 'must not be before arrivesOn',
  });
const STOPS = z
  .array(STOP)
  .max(MAX_STOPS)
  .superRefine((stops, context) => {
    for (const [index, { arrivesOn }] of stops.entries()) {
      const before = stops[index - 1];
      if (before !== undefined && arrivesOn < before.leavesOn) {
        context.addIssue({
          code: 'custom',
          path: [index, 'arrivesOn'],
          message: 'must not be before the stop before it ends',
        });
      }
    }
  });
const TRIP = z.strictObject({
  name: plainText(100),
  notes: plainText(1000).nullable().optional(),
  stops: STOPS,
});
const PATCH = TRIP.partial().refine((patch) => Object.keys(patch).length > 0, {
  message: 'must have name, notes or stops',
});
const LIST = z.strictObject({
  limit: wholeNumber(1, 100).optional(),
  after: cursor.optional(),
});

const SHOWN = z
  .object({
    id: z.uuid(),
    name: z.string(),
    notes: z.string().nullable(),
    stops: z.array(
      z.object({
        cityId: z.int(),
        city: z.string(),
        country: z.string(),
        arrivesOn: z.iso.date(),
        leavesOn: z.iso.date(),
      }),
    ),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Trip', description: 'Cities in the order in which they are visited.' });

const PAGE = z.object({ items: z.array(SHOWN), next: nextPage });

/** What makes a trip. */
const MAKE = {
  summary: 'Make a trip',
  description: 'Sent again with the same Idempotency-Key, it is made once.',
  headers: z.object({ 'idempotency-key': z.string().optional() }),
  body: TRIP,
  responses: {
    201: { body: SHOWN, headers: { Location: z.string().meta({ description: 'Its address.' }) } },
  },
  problems: [
    problems.tooManyTrips.definition,
    problems.unknownCity.definition,
    problems.notJson.definition,
  ],
  examples: {
    twoRivers: {
      summary: 'Two rivers',
      body: {
        name: 'Two rivers',
        stops: [
          { cityId: 2_988_507, arrivesOn: '2027-05-01', leavesOn: '2027-05-04' },
          { cityId: 2_761_369, arrivesOn: '2027-05-04', leavesOn: '2027-05-07' },
        ],
      },
    },
  },
};

/** @param tripsOf the trips of whoever sends a request */
export function trips(
  tripsOf: (req: Request) => Trips,
  once: Transactional<Kysely<Tables>>,
): Router {
  const router = Router();
  const route = routes(OF_TRIPS);
  router.use(personal);

  router.get(
    '/',
    route(
      {
        summary: 'Your trips, the newest first',
        query: LIST,
        responses: { 200: PAGE },
        problems: [problems.unknownCursor.definition],
      },
      async (req, res) => {
        const given = req.valid.query;
        const { limit = DEFAULT_LIMIT, after } = given;
        const page = shownPage(await tripsOf(req).page({ after, limit }), show, (next) =>
          addressOf(req.baseUrl, { ...given, after: next }),
        );
        if (page.next !== null) res.links({ next: page.next });
        res.json(page);
      },
    ),
  );

  router.post(
    '/',
    json,
    route(
      MAKE,
      once(async (trx, req) => {
        const { body } = (req as RouteRequest<typeof MAKE>).valid;
        const trip = await tripsOf(req).within(trx).make(body);
        return {
          status: 201,
          headers: { Location: `${req.baseUrl}/${trip.id}` },
          body: show(trip),
        };
      }),
    ),
  );

  router.get(
    '/:id',
    route(
      { summary: 'One trip', params: oneByUuid, responses: { 200: SHOWN }, problems: OF_ONE },
      async (req, res) => {
        res.json(show(await tripsOf(req).find(req.valid.params.id)));
      },
    ),
  );

  router.patch(
    '/:id',
    json,
    route(
      {
        summary: 'Change a trip',
        params: oneByUuid,
        body: PATCH,
        responses: { 200: SHOWN },
        problems: [...OF_ONE, problems.unknownCity.definition, problems.notJson.definition],
        examples: { name: { summary: 'Another name', body: { name: 'Three rivers' } } },
      },
      async (req, res) => {
        const { params, body } = req.valid;
        res.json(show(await tripsOf(req).change(params.id, body)));
      },
    ),
  );

  router.delete(
    '/:id',
    route(
      {
        summary: 'Delete a trip',
        params: oneByUuid,
        responses: { 204: 'It is gone' },
        problems: OF_ONE,
      },
      async (req, res) => {
        await tripsOf(req).delete(req.valid.params.id);
        res.status(204).end();
      },
    ),
  );

  return router;
}

/** No cache between us and the owner may keep a trip. */
function personal(_req: Request, res: Response, next: () => void): void {
  res.setHeader('Cache-Control', 'private, no-store');
  next();
}

/** Without this check a form would look like a missing body; a missing one is for the schema to refuse. */
function json(req: Request, _res: Response, next: NextFunction): void {
  if (req.is('json') || req.headers['content-type'] === undefined) {
    next();
    return;
  }
  throw problems.notJson(
    'Send the trip as JSON, with Content-Type: application/json.',
    undefined,
    // RFC 9110 §12.5.1, RFC 5789 §3.1: what would be taken instead.
    { headers: { Accept: 'application/json', 'Accept-Patch': 'application/json' } },
  );
}

function show({ id, name, notes, stops, created_at: createdAt, updated_at: updatedAt }: TripRow) {
  return { id, name, notes, stops, createdAt, updatedAt };
}
