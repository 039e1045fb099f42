/** The trips of one owner: nobody else's are seen through it, changed or deleted. */
import type { Keyset, Page } from '@org/query';
import { keyset } from '@org/query';
import { applyKeyset } from '@org/query/kysely';
import { type Kysely, sql, type Transaction } from 'kysely';
import { jsonArrayFrom } from 'kysely/helpers/postgres';

import type { Tables } from '../database/tables.ts';
import { problems } from '../problems.ts';
import { MAX_CURSOR_BYTES, seekIn } from '../routes/paging.ts';

/** An owner's trips; beyond, old ones have to go first. */
const MAX_TRIPS = 200;

/** A stop as it is planned; days are such as 2026-07-31. */
export interface Stop {
  readonly cityId: number;
  readonly arrivesOn: string;
  readonly leavesOn: string;
}

/** What makes a trip. */
export interface TripDraft {
  readonly name: string;
  readonly notes?: string | null | undefined;
  readonly stops: readonly Stop[];
}

/** A trip, with the cities of its stops. */
export interface TripRow {
  readonly id: string;
  readonly seq: string | number;
  readonly owner: string;
  readonly name: string;
  readonly notes: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly stops: readonly (Stop & { readonly city: string; readonly country: string })[];
}

/** The order of lists of trips. */
export function newestFirst(cursorSecret: string): Keyset {
  return keyset({
    orderBy: [{ column: 'seq', direction: 'desc' }],
    key: 'seq',
    secret: cursorSecret,
    maxCursorBytes: MAX_CURSOR_BYTES,
  });
}

export class Trips {
  private readonly db: Kysely<Tables>;
  private readonly owner: string;
  private readonly order: Keyset;

  constructor(db: Kysely<Tables>, owner: string, order: Keyset) {
    this.db = db;
    this.owner = owner;
    this.order = order;
  }

  /** The same in a transaction. */
  within(trx: Kysely<Tables>): Trips {
    return new Trips(trx, this.owner, this.order);
  }

  /** @throws ProblemError unknownCursor */
  async page(where: {
    readonly after: string | undefined;
    readonly limit: number;
  }): Promise<Page<TripRow>> {
    // A cursor is of its owner's list.
    const seek = seekIn(this.order, { ...where, scope: this.owner });
    const query = select(this.db).where('owner', '=', this.owner);
    return seek.page(await applyKeyset(query, seek).execute());
  }

  /** @throws ProblemError tripNotFound, tripNotYours */
  async find(id: string): Promise<TripRow> {
    const trip = await select(this.db).where('id', '=', id).executeTakeFirst();
    return this.own(id, trip);
  }

  /** In a transaction. @throws ProblemError tooManyTrips, unknownCity */
  async make({ name, notes = null, stops }: TripDraft): Promise<TripRow> {
    await this.refuseTooMany();
    const { id } = await this.db
      .insertInto('trips')
      .values({ owner: this.owner, name, notes })
      .returning('id')
      .executeTakeFirstOrThrow();
    await insertStops(this.db, id, stops);
    return this.find(id);
  }

  /** Replaces what it is given. @throws ProblemError tripNotFound, tripNotYours, unknownCity */
  async change(
    id: string,
    { name, notes, stops }: { readonly [K in keyof TripDraft]?: TripDraft[K] | undefined },
  ): Promise<TripRow> {
    await this.db.transaction().execute(async (trx) => {
      await this.hold(trx, id);
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
    return this.find(id);
  }

  /** @throws ProblemError tripNotFound, tripNotYours */
  async delete(id: string): Promise<void> {
    await this.db.transaction().execute(async (trx) => {
      await this.hold(trx, id);
      await trx.deleteFrom('trips').where('id', '=', id).execute();
    });
  }

  /** Holds a trip until the end of the transaction, so that its stops change as one. */
  private async hold(trx: Transaction<Tables>, id: string): Promise<void> {
    const trip = await trx
      .selectFrom('trips')
      .select('owner')
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirst();
    this.own(id, trip);
  }

  /** Creations of one owner wait for each other, or two at once would both be the last that fits. */
  private async refuseTooMany(): Promise<void> {
    await sql`select pg_advisory_xact_lock(hashtext(${this.owner}))`.execute(this.db);
    const { count } = await this.db
      .selectFrom('trips')
      .select(({ fn }) => fn.countAll<string | number>().as('count'))
      .where('owner', '=', this.owner)
      .executeTakeFirstOrThrow();
    if (Number(count) < MAX_TRIPS) return;
    throw problems.tooManyTrips(
      `You have ${MAX_TRIPS} trips, which is as many as we keep. Delete one first.`,
    );
  }

  private own<T extends { readonly owner: string }>(id: string, trip: T | undefined): T {
    if (trip === undefined) throw problems.tripNotFound(`There is no trip with the id ${id}.`);
    if (trip.owner === this.owner) return trip;
    throw problems.tripNotYours(`The trip ${id} belongs to somebody else.`);
  }
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

async function insertStops(trx: Kysely<Tables>, id: string, stops: readonly Stop[]): Promise<void> {
  if (stops.length === 0) return;
  const wanted = [...new Set(stops.map(({ cityId }) => cityId))];
  const found = await trx.selectFrom('cities').select('id').where('id', 'in', wanted).execute();
  const known = new Set(found.map((city) => city.id));
  const unknown = stops.findIndex(({ cityId }) => !known.has(cityId));
  if (unknown !== -1) {
    throw problems.unknownCity('A stop names a city that does not exist.', {
      errors: [{ pointer: `#/stops/${unknown}/cityId`, detail: 'must be the id of a city' }],
    });
  }
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
