/**
 * The route of a trip, as a background job: how long it is as planned, and in which order its
 * cities are better visited. A job is known by its trip and the state that this was in, so that it
 * is done once for each, and whoever asks finds it without being told an id.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Exchange } from '@org/core';
import type { JobView, Task, Tasks } from '@org/tasks';
import type { Kysely } from 'kysely';

import type { Tables } from '../database/tables.ts';
import { lengthKm, visitingOrder } from './visiting-order.ts';

/** What the job finds. */
export interface TripRoute {
  /** The cities in the order to visit them in. */
  readonly stops: readonly { readonly cityId: number; readonly city: string }[];
  readonly lengthKm: number;
  /** The same in the order in which they are planned. */
  readonly plannedKm: number;
}

/** A trip in one of its states. */
export interface TripState {
  readonly id: string;
  readonly updated_at: Date;
}

/** Routes of trips. */
export interface RouteJobs {
  /** Has the route found, unless it is already, or is being looked for. */
  find(trip: TripState, from: Exchange): Promise<void>;
  /** What there is of it. */
  look(trip: TripState): Promise<JobView | undefined>;
  /** Calls `listener` with how far each trip's route has come: `detail` is its length so far, and at last the route. */
  onProgress(listener: (tripId: string, progress: RouteProgress) => void): void;
  readonly task: Task<{ readonly tripId: string }, TripRoute>;
}

/** How far a route has come. */
export interface RouteProgress {
  readonly ratio: number;
  readonly detail: unknown;
}

/** Defines the job. */
export function routeJobs(jobs: Tasks, db: Kysely<Tables>): RouteJobs {
  const task = jobs.define<{ readonly tripId: string }, TripRoute>('trip-route', {
    concurrency: 2,
    timeoutMs: 30_000,
    async handler({ data, signal, progress }) {
      const cities = await citiesOf(db, data.tripId);
      const steps = visitingOrder(cities);
      let step = steps.next();
      for (let done = 1; step.done !== true; done++) {
        // Nobody knows how many steps there will be: each one is half of what was left.
        progress(1 - 0.5 ** done, { lengthKm: step.value.lengthKm });
        await turn();
        signal.throwIfAborted();
        step = steps.next();
      }
      const { order, lengthKm: shortKm } = step.value;
      const route: TripRoute = {
        stops: order.map((at) => ({ cityId: cities[at]!.id, city: cities[at]!.name })),
        lengthKm: rounded(shortKm),
        plannedKm: rounded(lengthKm(cities)),
      };
      progress(1, route);
      return route;
    },
  });
  return {
    task,
    async find(trip, from) {
      const handle = await task.add({ tripId: trip.id }, { id: idOf(trip), from });
      // One that failed for good is tried again by whoever asks again.
      if (!handle.isNew) await jobs.dead.replay(handle.id);
    },
    look: (trip) => task.find(idOf(trip)),
    onProgress(listener) {
      task.onProgress(({ id, ratio, detail }) => listener(id.split('@')[0]!, { ratio, detail }));
    },
  };
}

function idOf({ id, updated_at: updatedAt }: TripState): string {
  return `${id}@${updatedAt.getTime()}`;
}

function citiesOf(db: Kysely<Tables>, tripId: string) {
  return db
    .selectFrom('trip_stops')
    .innerJoin('cities', 'cities.id', 'trip_stops.city_id')
    .select(['cities.id', 'cities.name', 'cities.latitude', 'cities.longitude'])
    .where('trip_stops.trip_id', '=', tripId)
    .orderBy('trip_stops.position')
    .execute();
}

function rounded(km: number): number {
  return Number(km.toFixed(3));
}
