/**
 * Which components the service runs with: the family's, as the environment switches
 * them, and its own. The order of this list does not matter, `setup` finds it.
 */
import { defineMiddleware, type Middleware } from '@org/core';
import { correlation } from '@org/correlation';
import { errors } from '@org/errors';
import { health } from '@org/health';
import { logging } from '@org/logging';
import type { Parts } from '@org/setup';
import express from 'express';

import type { Database } from './database/database.ts';
import type { ServiceConfig } from './settings.ts';

/** The largest body that is read. A trip of 50 stops has about 5 KB. */
const MAX_BODY_BYTES = 64 * 1024;

/** Every component of the service. */
export async function components(config: ServiceConfig, database: Database): Promise<Parts> {
  return [
    database,
    jsonBody(),
    ...(config.isEnabled('health') ? [health({ access: config.values.MONITORING_TOKEN })] : []),
    ...(config.isEnabled('correlation') ? [correlation(config.options('correlation'))] : []),
    ...(config.isEnabled('logging') ? [logging(config.options('logging'))] : []),
    ...(config.isEnabled('errors') ? [errors()] : []),
  ];
}

/** Express' own body parser, with its place in the order. */
function jsonBody(): Middleware {
  return defineMiddleware({
    name: 'body',
    phase: 'read',
    reason: 'handlers and checks behind it see the parsed body',
    handle: express.json({ limit: MAX_BODY_BYTES }),
  });
}
