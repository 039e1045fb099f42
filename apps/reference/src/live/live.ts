/**
 * What changes while somebody looks: the progress of a trip, for its owner, and the weather of a
 * city, for everybody. Whoever knows of news calls `publish`; who listens is nobody's business else.
 */
import type { Bus } from '@org/core';
import { bearerOf, type Identity, websocket, type Websocket } from '@org/websocket';
import type { Kysely } from 'kysely';
import { z } from 'zod';

import type { Tables } from '../database/tables.ts';
import { ownersByKey } from '../routes/owners.ts';
import type { ServiceConfig } from '../settings.ts';

const ID = z.uuid();

/** Makes the channels: a part of the stack. */
export function live(
  db: Kysely<Tables>,
  apiKeys: ReadonlyMap<string, string>,
  config: ServiceConfig,
  bus: Bus | undefined,
): Websocket {
  const ownerOf = ownersByKey(apiKeys);

  async function owns(principal: string | undefined, id: unknown): Promise<boolean> {
    if (principal === undefined || !ID.safeParse(id).success) return false;
    const trip = await db
      .selectFrom('trips')
      .select('id')
      .where('id', '=', String(id))
      .where('owner', '=', principal)
      .executeTakeFirst();
    return trip !== undefined;
  }

  return websocket({
    ...config.options('websocket'),
    bus,
    authenticate({ req }): Identity | undefined {
      const key = req.get('x-api-key') ?? bearerOf(req);
      // Without a key one may see what everybody may; with a wrong one, nothing.
      if (key === undefined) return {};
      const principal = ownerOf(key);
      return principal === undefined ? undefined : { principal };
    },
    channels: {
      // Whoever looks on knows which request has asked for it, and its trace.
      'trips/:id': { carrier: true, authorise: ({ principal }, { id }) => owns(principal, id) },
      // Only the latest weather is of use.
      'weather/:city': { slow: 'conflate', history: { maxEvents: 1 } },
    },
  });
}
