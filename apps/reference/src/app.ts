/** The service: its stack of middleware, and its routes. */
import { di } from '@org/di';
import { setup, type Stack } from '@org/setup';
import express, { type Express, type Request } from 'express';

import { landing } from './landing/landing.ts';
import { cities } from './routes/cities.ts';
import { corrections } from './routes/corrections.ts';
import { countries } from './routes/countries.ts';
import { forEverybody } from './routes/for-everybody.ts';
import { owners } from './routes/owners.ts';
import { tripRoute } from './routes/trip-route.ts';
import { trips } from './routes/trips.ts';
import { weatherOfCities } from './routes/weather.ts';
import { type Overrides, servicesOf } from './services.ts';
import type { ServiceConfig } from './settings.ts';
import type { Trips } from './trips/trips.ts';

/** The first start fills the database. */
const START_TIMEOUT_MS = 120_000;

/** The service, not started yet: `stack.listen()` does. */
export interface Service {
  readonly app: Express;
  readonly stack: Stack;
}

/** Assembles the service; `overrides` stand in the place of what it would make by itself. */
export async function createApp(
  config: ServiceConfig,
  overrides: Overrides = {},
): Promise<Service> {
  const app = express();
  for (const [name, value] of Object.entries(config.options('express'))) app.set(name, value);

  const inject = di({ services: servicesOf(config).override(overrides) });
  const { services } = inject;
  await services.start();
  const parts = [...services.get('parts'), inject];
  const stack = setup(app, parts, {
    ...config.setupOptions(parts),
    startTimeoutMs: START_TIMEOUT_MS,
  });

  const database = services.get('database');
  // Where the parts are somebody else's, nobody has waited for these.
  const { publish } = await services.resolve('channels');
  const weather = await services.resolve('weather');
  const tripsOf = (req: Request): Trips => inject.of(req).get('trips');
  app.use('/', landing(stack));
  app.use(['/api/countries', '/api/cities'], forEverybody);
  app.use('/api/countries', countries(database.sql));
  const { WEATHER_MAX_AGE } = config.values;
  app.use(
    '/api/cities',
    weatherOfCities(database.sql, weather, WEATHER_MAX_AGE, publish),
    corrections(database.sql, services.get('apiKeys')),
    cities(database, services.get('batching'), services.get('cursorSecret')),
  );
  app.use(
    '/api/trips',
    owners(services.get('apiKeys')),
    trips(tripsOf, services.get('once')),
    tripRoute(tripsOf, services.get('tripRoutes')),
  );
  return { app, stack };
}
