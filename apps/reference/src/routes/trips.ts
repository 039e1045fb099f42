/** `/api/trips`: named lists of cities with dates. Only its owner sees a trip. */
import { exchangeOf, type ProblemError } from '@org/core';
import { type RouteRequest, routes } from '@org/openapi';
import { keyset } from '@org/query';
import { applyKeyset } from '@org/query/kysely';
import { type NextFunction, type Request, type Response, Router } from 'express';
import { type Kysely, sql, type Transaction } from 'kysely';
import { jsonArrayFrom } from 'kysely/helpers/postgres';
import { z } from 'zod';

import type { Database } from '../database/database.ts';
import { onceFor } from '../database/once.ts';
import type { Tables } from '../database/tables.ts';
import { problems } from '../problems.ts';
import type { RouteJobs, TripRoute } from '../trips/route-jobs.ts';
import { plainText, wholeNumber } from './inputs.ts';
import { owners } from './owners.ts';
import { addressOf, cursor, MAX_CURSOR_BYTES, nextPage, seekIn, shownPage } from './paging.ts';

/** An owner's trips; beyond, old ones have to go first. */
const MAX_TRIPS = 200;
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
const ONE = z.object({ id: z.uuid('must be a UUID') });

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

type Stops = z.infer<typeof STOPS>;

export function trips(
  database: Database,
  apiKeys: ReadonlyMap<string, string>,
  tripRoutes: RouteJobs,
  cursorSecret: string,
): Router {
  const router = Router();
  const newest = keyset({
    orderBy: [{ column: 'seq', direction: 'desc' }],
    key: 'seq',
    secret: cursorSecret,
    maxCursorBytes: MAX_CURSOR_BYTES,
  });
  const once = onceFor(database);
  const { sql: tables } = database;
  const route = routes({
    tags: ['trips'],
    security: ['apiKey'],
    problems: [problems.apiKeyMissing.definition, problems.apiKeyUnknown.definition],
  });
  const ofOne = [problems.tripNotFound.definition, problems.tripNotYours.definition];
  router.use(owners(apiKeys), personal);

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
        const owner = ownerOf(req, res);
        // A cursor is of its owner's list.
        const seek = seekIn(newest, { after, limit, scope: owner });
        const query = select(tables.of(req)).where('owner', '=', owner);
        const rows = await applyKeyset(query, seek).execute();
        const page = shownPage(seek.page(rows), show, (next) =>
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
      once(async (trx, req, res) => {
        const owner = ownerOf(req, res);
        const { name, notes = null, stops } = (req as RouteRequest<typeof MAKE>).valid.body;
        await refuseTooMany(trx, owner);
        const { id } = await trx
          .insertInto('trips')
          .values({ owner, name, notes })
          .returning('id')
          .executeTakeFirstOrThrow();
        await insertStops(trx, id, stops);
        return {
          status: 201,
          headers: { Location: `${req.baseUrl}/${id}` },
          body: show(await find(trx, id, owner)),
        };
      }),
    ),
  );

  router.get(
    '/:id',
    route(
      { summary: 'One trip', params: ONE, responses: { 200: SHOWN }, problems: ofOne },
      async (req, res) => {
        res.json(show(await find(tables.of(req), req.valid.params.id, ownerOf(req, res))));
      },
    ),
  );

  router.patch(
    '/:id',
    json,
    route(
      {
        summary: 'Change a trip',
        params: ONE,
        body: PATCH,
        responses: { 200: SHOWN },
        problems: [...ofOne, problems.unknownCity.definition, problems.notJson.definition],
        examples: { name: { summary: 'Another name', body: { name: 'Three rivers' } } },
      },
      async (req, res) => {
        const owner = ownerOf(req, res);
        const { id } = req.valid.params;
        const { name, notes, stops } = req.valid.body;
        const db = tables.of(req);
        await db.transaction().execute(async (trx) => {
          await hold(trx, id, owner);
          await trx
            .updateTable('trips')
            .set({
              ...(name === undefined ? {} : { name }),
              ...(notes === undefined ? {} : { notes }),
              updated_at: sql<Date>`now()`,
            })
            .where('id', '=', id)
            .execute();
          if (stops !== undefined) {
            await trx.deleteFrom('trip_stops').where('trip_id', '=', id).execute();
            await insertStops(trx, id, stops);
          }
        });
        res.json(show(await find(db, id, owner)));
      },
    ),
  );

  router.delete(
    '/:id',
    route(
      { summary: 'Delete a trip', params: ONE, responses: { 204: 'It is gone' }, problems: ofOne },
      async (req, res) => {
        const { id } = req.valid.params;
        const db = tables.of(req);
        await db.transaction().execute(async (trx) => {
          await hold(trx, id, ownerOf(req, res));
          await trx.deleteFrom('trips').where('id', '=', id).execute();
        });
        res.status(204).end();
      },
    ),
  );

  router.post(
    '/:id/route',
    route(
      {
        summary: 'Have the best order of its stops found',
        params: ONE,
        responses: { 202: ASKED },
        problems: ofOne,
      },
      async (req, res) => {
        const { id } = req.valid.params;
        const trip = await find(tables.of(req), id, ownerOf(req, res));
        await tripRoutes.find(trip, exchangeOf(req, res));
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
        params: ONE,
        responses: { 200: FOUND },
        problems: [...ofOne, problems.routeNotFound.definition],
      },
      async (req, res) => {
        const { id } = req.valid.params;
        const job = await tripRoutes.look(await find(tables.of(req), id, ownerOf(req, res)));
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

/** No cache between us and the owner may keep a trip. */
function personal(_req: Request, res: Response, next: () => void): void {
  res.setHeader('Cache-Control', 'private, no-store');
  next();
}

/** `owners` lets nobody pass without a name. */
function ownerOf(req: Request, res: Response): string {
  const owner = exchangeOf(req, res).principal;
  if (owner === undefined) throw new Error('The route has no owner: mount owners() before it.');
  return owner;
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

function select(db: Kysely<Tables>) {
  return db
    .selectFrom('trips')
    .select(['id', 'seq', 'owner', 'name', 'notes', 'created_at', 'updated_at'])
    .select((trip) =>
      jsonArrayFrom(
        trip
          .selectFrom('trip_stops')
          .innerJoin('cities', 'cities.id', 'trip_stops.city_id')
          .select([
            'trip_stops.city_id as cityId',
            'cities.name as city',
            'cities.country_code as country',
            sql<string>`arrives_on::text`.as('arrivesOn'),
            sql<string>`leaves_on::text`.as('leavesOn'),
          ])
          .whereRef('trip_stops.trip_id', '=', 'trips.id')
          .orderBy('trip_stops.position'),
      ).as('stops'),
    );
}

type TripRow = Awaited<ReturnType<ReturnType<typeof select>['executeTakeFirstOrThrow']>>;

function show({ id, name, notes, stops, created_at: createdAt, updated_at: updatedAt }: TripRow) {
  return { id, name, notes, stops, createdAt, updatedAt };
}

async function find(db: Kysely<Tables>, id: string, owner: string): Promise<TripRow> {
  const trip = await select(db).where('id', '=', id).executeTakeFirst();
  if (trip === undefined) throw noTrip(id);
  if (trip.owner !== owner) throw notYours(id);
  return trip;
}

/** Holds a trip until the end of the transaction, so that its stops change as one. */
async function hold(trx: Transaction<Tables>, id: string, owner: string): Promise<void> {
  const trip = await trx
    .selectFrom('trips')
    .select('owner')
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  if (trip === undefined) throw noTrip(id);
  if (trip.owner !== owner) throw notYours(id);
}

async function insertStops(trx: Kysely<Tables>, id: string, stops: Stops): Promise<void> {
  if (stops.length === 0) return;
  const wanted = [...new Set(stops.map(({ cityId }) => cityId))];
  const found = await trx.selectFrom('cities').select('id').where('id', 'in', wanted).execute();
  const known = new Set(found.map((city) => city.id));
  const unknown = stops.findIndex(({ cityId }) => !known.has(cityId));
  if (unknown !== -1) throw noCity(unknown);
  await trx
    .insertInto('trip_stops')
    .values(
      stops.map(({ cityId, arrivesOn, leavesOn }, position) => ({
        trip_id: id,
        position,
        city_id: cityId,
        arrives_on: arrivesOn,
        leaves_on: leavesOn,
      })),
    )
    .execute();
}

/** Creations of one owner wait for each other, or two at once would both be the last that fits. */
async function refuseTooMany(trx: Kysely<Tables>, owner: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext(${owner}))`.execute(trx);
  const { count } = await trx
    .selectFrom('trips')
    .select(({ fn }) => fn.countAll<string | number>().as('count'))
    .where('owner', '=', owner)
    .executeTakeFirstOrThrow();
  if (Number(count) < MAX_TRIPS) return;
  throw problems.tooManyTrips(
    `You have ${MAX_TRIPS} trips, which is as many as we keep. Delete one first.`,
  );
}

function noTrip(id: string): ProblemError {
  return problems.tripNotFound(`There is no trip with the id ${id}.`);
}

function noRoute(id: string): ProblemError {
  return problems.routeNotFound(
    `Nobody has asked for the route of the trip ${id} as it is now: POST to it.`,
  );
}

function notYours(id: string): ProblemError {
  return problems.tripNotYours(`The trip ${id} belongs to somebody else.`);
}

function noCity(index: number): ProblemError {
  return problems.unknownCity('A stop names a city that does not exist.', {
    errors: [{ pointer: `#/stops/${index}/cityId`, detail: 'must be the id of a city' }],
  });
}
