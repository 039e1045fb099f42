/**
 * Which components the service runs with: its own, and the family's as the environment
 * switches them. What starts first closes last: nobody outlives the database. Where
 * each middleware stands, `setup` finds by itself.
 */
import { type Batch, batch, batchEndpoint } from '@org/batch';
import { defineMiddleware, isMiddleware, type Middleware } from '@org/core';
import { type Parts, standard } from '@org/setup';
import express from 'express';

import type { Database } from './database/database.ts';
import type { ServiceConfig } from './settings.ts';

/** The largest body that is read. A trip of 50 stops has about 5 KB. */
const MAX_BODY_BYTES = 64 * 1024;

/** Every component of the service. */
export async function components(config: ServiceConfig, database: Database): Promise<Parts> {
  const manyInOne = batchEndpoint({ path: '/api/batch' });
  return [database, jsonBody(), manyInOne, ...(await standard(config))];
}

/** What makes the batchers of routes: the family's component, or one of its own where that is switched off. */
export function batchingOf(parts: Parts): Pick<Batch, 'batcher'> {
  return parts.find(isBatch) ?? batch();
}

function isBatch(part: unknown): part is Batch {
  return isMiddleware(part) && part.name === 'batch';
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
