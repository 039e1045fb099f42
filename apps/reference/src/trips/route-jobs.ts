/**
 * The route of a trip, as a background job: how long it is as planned, and in which order its
 * cities are better visited. A job is known by its trip and the state that this was in, so that it
 * is done once for each, and whoever asks finds it without being told an id.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Correlated, Exchange } from '@org/core';
import type { Logger } from '@org/logging';
import type { JobView, Task, Tasks } from '@org/tasks';
import type { Kysely } from 'kysely';

import type { Tables } from '../database/tables.ts';
import { lengthKm, type VisitingOrder, visitingOrder } from './visiting-order.ts';

/** What the job finds. */
export interface TripRoute extends VisitingOrder {
  /** The cities in the order to visit them in. */
  readonly stops: readonly { readonly cityId: number; readonly city: string }[];
  /** How long the way is in the order in which they are planned. */
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
  readonly task: Task<{ readonly tripId: string }, TripRoute>;
}

/** Tells how far the route of a trip has come, and who has asked for it. */
export type OnRouteProgress = (
  tripId: string,
  progress: RouteProgress,
  context: Correlated | undefined,
) => void;

/** How far a route has come. */
export interface RouteProgress {
  readonly ratio: number;
  /** The best order so far, and at last the route. */
  readonly detail: unknown;
}

/**
 * Defines the job. Its lines in the log name the request that has asked for the route. The process
 * that works on it tells `onProgress`, and no other: where there are several, channels carry it on.
 */
export function routeJobs(
  jobs: Tasks,
  db: Kysely<Tables>,
  log: Pick<Logger, 'of'> | undefined,
  onProgress: OnRouteProgress,
): RouteJobs {
  const task = jobs.define<{ readonly tripId: string }, TripRoute>('trip-route', {
    concurrency: 2,
    timeoutMs: 30_000,
    async handler({ data, signal, context, progress }) {
      const tell = (ratio: number, detail: unknown): void => {
        progress(ratio, detail);
        onProgress(data.tripId, { ratio, detail }, context);
      };
      const cities = await citiesOf(db, data.tripId);
      const steps = visitingOrder(cities);
      let step = steps.next();
      for (let done = 1; step.done !== true; done++) {
        // Nobody knows how many steps there will be; a third as many as cities is usual.
        tell(done / (done + cities.length / 3), rounded(step.value));
        await turn();
        signal.throwIfAborted();
        step = steps.next();
      }
      const { order, lengthKm: shortKm } = rounded(step.value);
      const route: TripRoute = {
        stops: order.map((at) => ({ cityId: cities[at]!.id, city: cities[at]!.name })),
        order,
        lengthKm: shortKm,
        plannedKm: roundedKm(lengthKm(cities)),
      };
      tell(1, route);
      log?.of(context).info('route found', {
        tripId: data.tripId,
        plannedKm: route.plannedKm,
        lengthKm: shortKm,
      });
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

function rounded({ order, lengthKm: km }: VisitingOrder): VisitingOrder {
  return { order, lengthKm: roundedKm(km) };
}

function roundedKm(km: number): number {
  return Number(km.toFixed(3));
}
