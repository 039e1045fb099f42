/**
 * What the service is made of, in one place: who needs whom, what there is one of, and what belongs
 * to a request. Whoever runs it may put something else in the place of any of them.
 */
import type { Batch } from '@org/batch';
import type { Transactional } from '@org/dedup';
import { type Container, container, type Di, type OfEveryScope } from '@org/di';
import type { RedisStore } from '@org/redis';
import type { Parts } from '@org/setup';
import { type Tasks, tasks } from '@org/tasks';
import type { Websocket } from '@org/websocket';
import type { Kysely } from 'kysely';

import { type Database, database } from './database/database.ts';
import { onceFor } from './database/once.ts';
import type { Tables } from './database/tables.ts';
import { live } from './live/live.ts';
import { ownerOf } from './routes/owners.ts';
import {
  databaseSettings,
  DEMO_API_KEYS,
  DEMO_CURSOR_SECRET,
  type ServiceConfig,
  taskSettings,
} from './settings.ts';
import { sharedStore } from './shared-store.ts';
import { batchingOf, components, loggingOf } from './stack.ts';
import { type RouteJobs, routeJobs } from './trips/route-jobs.ts';
import { newestFirst, Trips } from './trips/trips.ts';
import { type WeatherSource, weatherSource } from './weather/weather-source.ts';

/** What there is one of. */
export interface Services {
  /** Owners by their keys. */
  readonly apiKeys: ReadonlyMap<string, string>;
  /** Signs the cursors of pages. */
  readonly cursorSecret: string;
  /** Where the weather is asked for; nobody is asked without. */
  readonly weatherUrl: string | undefined;
  /** What processes share, where there are several; each is alone without. */
  readonly store: RedisStore | undefined;
  readonly database: Database;
  readonly weather: WeatherSource;
  readonly jobs: Tasks;
  /** What changes while somebody looks; `publish('trips/…', …)` tells of a trip. */
  readonly channels: Websocket;
  /** The stack, but for the services themselves. */
  readonly parts: Parts;
  /** Makes the batchers of routes. */
  readonly batching: Pick<Batch, 'batcher'>;
  readonly tripRoutes: RouteJobs;
  /** Makes handlers whose work is done once for each Idempotency-Key. */
  readonly once: Transactional<Kysely<Tables>>;
}

/** What each request has of its own. */
export interface RequestServices extends OfEveryScope {
  /** Those of the caller. */
  readonly trips: Trips;
}

/** The middleware that hands them out. */
export type Inject = Di<Services, RequestServices>;

/** What may stand in the place of services. */
export type Overrides = Parameters<Inject['services']['override']>[0];

/** Declares them; nothing is made yet. */
export function servicesOf(config: ServiceConfig): Container<Services, RequestServices> {
  const { values } = config;
  return container()
    .value('apiKeys', values.API_KEYS ?? DEMO_API_KEYS)
    .value('cursorSecret', values.CURSOR_SECRET ?? DEMO_CURSOR_SECRET)
    .value('weatherUrl', values.WEATHER_URL)
    .singleton('store', [], () => sharedStore(config))
    .singleton('database', [], () => database(databaseSettings(config)))
    .singleton('weather', ['weatherUrl', 'store'], (url, store) =>
      weatherSource(url, config, store),
    )
    .singleton('jobs', [], () => tasks(taskSettings(config)))
    .singleton('channels', ['database', 'apiKeys', 'store'], ({ sql }, apiKeys, store) =>
      live(sql.session(), apiKeys, config, store),
    )
    .singleton(
      'parts',
      ['store', 'database', 'jobs', 'weather', 'channels'],
      async (store, data, jobs, weather, channels) => {
        const own = await components(config, data, [jobs, ...weather.parts, channels], store);
        // What starts first closes last: nobody outlives the store.
        return store === undefined ? own : [store, ...own];
      },
    )
    .singleton('batching', ['parts'], batchingOf)
    .singleton(
      'tripRoutes',
      ['jobs', 'database', 'parts', 'channels'],
      (jobs, { sql }, parts, channels) =>
        routeJobs(jobs, sql.session(), loggingOf(parts)?.logger('trips'), (id, progress, context) =>
          channels.publish(`trips/${id}`, progress, context),
        ),
    )
    .singleton('once', ['database'], onceFor)
    .singleton('tripOrder', ['cursorSecret'], newestFirst)
    .scoped(
      'trips',
      ['database', 'tripOrder', 'exchange'],
      ({ sql }, order, exchange) => new Trips(sql.of(exchange), ownerOf(exchange), order),
    )
    .build();
}
