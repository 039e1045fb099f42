/**
 * Which components the service runs with. What a later feature adds, it adds here;
 * the order of this list does not matter, `setup` finds it.
 */
import { defineMiddleware, type Middleware } from '@org/core';
import { errors } from '@org/errors';
import type { Parts } from '@org/setup';
import express from 'express';

import type { Database } from './database/database.ts';

/** The largest body that is read. A trip of 50 stops has about 5 KB. */
const MAX_BODY_BYTES = 64 * 1024;

/** Every component of the service. */
export function components(database: Database): Parts {
  return [database, jsonBody(), errors()];
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
