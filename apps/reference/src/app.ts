/** The service: its database, its stack of middleware, and its routes. */
import type { Batch } from '@org/batch';
import { setup, type Stack } from '@org/setup';
import { tasks } from '@org/tasks';
import type { Websocket } from '@org/websocket';
import express, { type Express } from 'express';

import { database, type Database } from './database/database.ts';
import { useOf } from './database/use.ts';
import { landing } from './landing/landing.ts';
import { live } from './live/live.ts';
import { cities } from './routes/cities.ts';
import { corrections } from './routes/corrections.ts';
import { countries } from './routes/countries.ts';
import { forEverybody } from './routes/for-everybody.ts';
import { trips } from './routes/trips.ts';
import { weatherOfCities } from './routes/weather.ts';
import {
  databaseSettings,
  DEMO_API_KEYS,
  DEMO_CURSOR_SECRET,
  type ServiceConfig,
  taskSettings,
} from './settings.ts';
import { sharedStore } from './shared-store.ts';
import { batchingOf, components, loggingOf } from './stack.ts';
import { routeJobs } from './trips/route-jobs.ts';
import { weatherSource } from './weather/weather-source.ts';

/** The first start fills the database. */
const START_TIMEOUT_MS = 120_000;

/** The service, not started yet: `stack.listen()` does. */
export interface Service {
  readonly app: Express;
  readonly stack: Stack;
  readonly database: Database;
  /** What changes while somebody looks; `publish('trips/…', …)` tells of a trip. */
  readonly channels: Websocket;
}

/** What whoever runs the service may put in the place of what it would find by itself. */
export interface Given {
  /** Makes the batchers of its routes. @default the component of the stack */
  readonly batching?: Pick<Batch, 'batcher'>;
  /** The weather service. @default WEATHER_URL */
  readonly weatherUrl?: string;
}

/** Assembles the service. */
export async function createApp(
  config: ServiceConfig,
  { batching, weatherUrl = config.values.WEATHER_URL }: Given = {},
): Promise<Service> {
  const app = express();
  for (const [name, value] of Object.entries(config.options('express'))) app.set(name, value);

  const places = database(databaseSettings(config));
  const store = await sharedStore(config);
  const weather = weatherSource(weatherUrl, config, store);
  const jobs = tasks(taskSettings(config));
  const apiKeys = config.values.API_KEYS ?? DEMO_API_KEYS;
  const cursorSecret = config.values.CURSOR_SECRET ?? DEMO_CURSOR_SECRET;
  const channels = live(places.sql.session(), apiKeys, config, store);
  const shared = store === undefined ? [] : [store];
  const own = [...shared, places.component, places.sessions, jobs, ...weather.parts, channels];
  const parts = await components(
    config,
    own,
    useOf(places.sql.session()),
    places.sessions.session(),
    store,
  );
  const tripRoutes = routeJobs(
    jobs,
    places.sql.session(),
    loggingOf(parts)?.logger('trips'),
    (id, progress, context) => channels.publish(`trips/${id}`, progress, context),
  );
  const stack = setup(app, parts, {
    ...config.setupOptions(parts),
    startTimeoutMs: START_TIMEOUT_MS,
  });

  app.use('/', landing(stack));
  app.use(['/api/countries', '/api/cities'], forEverybody);
  app.use('/api/countries', countries(places.sql));
  const { WEATHER_MAX_AGE } = config.values;
  app.use(
    '/api/cities',
    weatherOfCities(places.sql, weather, WEATHER_MAX_AGE, (name, data) =>
      channels.publish(name, data),
    ),
  );
  app.use('/api/cities', corrections(places.sql, apiKeys));
  app.use('/api/cities', cities(places, batching ?? batchingOf(parts), cursorSecret));
  app.use('/api/trips', trips(places, apiKeys, tripRoutes, cursorSecret));
  return { app, stack, database: places, channels };
}
