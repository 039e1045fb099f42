/**
 * Which components the service runs with: its own, and the family's as the environment
 * switches them. What starts first closes last: nobody outlives the database. Where
 * each middleware stands, `setup` finds by itself.
 */
import { type Batch, batch, batchEndpoint } from '@org/batch';
import { defineMiddleware, isMiddleware, type Middleware, type Store } from '@org/core';
import type { DashboardOptions } from '@org/dashboard';
import type { DedupOptions } from '@org/dedup';
import type { DevtoolsOptions } from '@org/devtools';
import type { Logging } from '@org/logging';
import type { QueueOptions } from '@org/queue';
import { type Parts, standard } from '@org/setup';
import type { TransformOptions } from '@org/transform';
import type { VersioningOptions } from '@org/versioning';
import express from 'express';

import { API } from './api.ts';
import type { Database } from './database/database.ts';
import { useOf } from './database/use.ts';
import { DEMO_ANALYTICS_SECRET, type ServiceConfig } from './settings.ts';
import { CHANGES, VERSIONS } from './versions.ts';

/** The largest body that is read. A trip of 100 stops has about 10 KB. */
const MAX_BODY_BYTES = 64 * 1024;

/** What the family's components are told of this service; the environment says the rest. */
const OWN = Object.freeze({
  versioning: {
    versions: VERSIONS,
    changes: CHANGES,
    // The oldest is what clients of before there were versions know.
    default: 'oldest',
  } satisfies Partial<VersioningOptions>,
  dedup: {
    // Trips are made in transactions of the database, and their keys are kept there.
    idempotency: { routes: { '/api/trips': { transactional: true } } },
  } satisfies Partial<DedupOptions>,
  transform: {
    // ?fields= of a page are those of its cities; what stands beside them stays.
    routes: { '/api/cities/:id': { fields: true }, '/api/cities': { fields: { at: 'items' } } },
  } satisfies Partial<TransformOptions>,
  openapi: API,
  dashboard: { title: 'Places and trips' } satisfies Partial<DashboardOptions>,
  // For development alone: `org-devtools replay` tells what a change of code has changed.
  devtools: { persist: true } satisfies Partial<DevtoolsOptions>,
  queue: {
    // Whoever keeps trips goes before those who only look around.
    priority: ({ headers }) => (headers['x-api-key'] === undefined ? 'normal' : 'high'),
    fairBy: 'credentials',
  } satisfies Partial<QueueOptions>,
});

/** Those of which the service makes its own, where it uses them. */
const MADE_ELSEWHERE: ReadonlySet<string> = new Set([
  'circuit',
  'db',
  'di',
  'retry',
  'tasks',
  'websocket',
]);

/** Off by default, and wanted here: they have what they need of ours. `setupOptions` knows whom somebody has switched off. */
const EQUIPPED: ReadonlySet<string> = new Set([
  'versioning',
  'transform',
  'openapi',
  'dashboard',
  'query',
]);

/** Every component of the service; `own` are those that are not the family's, but for the database. */
export async function components(
  config: ServiceConfig,
  { component, sessions, sql }: Database,
  own: Parts,
  store: Store | undefined,
): Promise<Parts> {
  const manyInOne = batchEndpoint({ path: '/api/batch' });
  const analyticsSecret = config.values.ANALYTICS_SECRET ?? DEMO_ANALYTICS_SECRET;
  const family = await standard({
    lazy: config.lazy,
    store,
    isEnabled: (name) =>
      !MADE_ELSEWHERE.has(name) && (config.isEnabled(name) || EQUIPPED.has(name)),
    options: (name) => ({
      ...config.options(name),
      ...OWN[name as keyof typeof OWN],
      ...(name === 'analytics' ? { secret: analyticsSecret, store: useOf(sql.session()) } : {}),
      // Where the plan of a slow statement is made.
      ...(name === 'query' ? { explainOn: sessions.session() } : {}),
    }),
  });
  return [component, sessions, ...own, jsonBody(), manyInOne, ...family];
}

/** What makes the batchers of routes: the family's component, or one of its own where that is switched off. */
export function batchingOf(parts: Parts): Pick<Batch, 'batcher'> {
  return parts.find(isBatch) ?? batch();
}

function isBatch(part: unknown): part is Batch {
  return isMiddleware(part) && part.name === 'batch';
}

/** What the service logs with, unless that is switched off. */
export function loggingOf(parts: Parts): Logging | undefined {
  return parts.find(isLogging);
}

function isLogging(part: unknown): part is Logging {
  return isMiddleware(part) && part.name === 'logging';
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
