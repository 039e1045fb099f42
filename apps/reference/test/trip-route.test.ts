/** How the job of a route is told to the owner of the trip, whatever has become of it. */
import type { AddressInfo } from 'node:net';
import type { JobView } from '@org/tasks';

import { createApp } from '../src/app.ts';
import type { Overrides } from '../src/services.ts';
import { readConfig } from '../src/settings.ts';
import type { TripRow } from '../src/trips/trips.ts';

const TRIP: TripRow = {
  id: 'd6d4c2b6-6f39-4d40-8f3c-0c2c8e1f4a11',
  seq: 1,
  owner: 'ada',
  name: 'Two rivers',
  notes: null,
  created_at: new Date('2027-04-01T10:00:00Z'),
  updated_at: new Date('2027-04-01T10:00:00Z'),
  stops: [],
};
const ROUTE = { stops: [], order: [], lengthKm: 0, plannedKm: 0 };

const job = (state: JobView['state'], more: Partial<JobView> = {}): JobView =>
  ({ id: 'a job', state, ...more }) as JobView;

/** Asks a service that has no stack and no database, one trip, and this job for it. */
async function told(view: JobView | undefined, key = 'demo-key-of-ada'): Promise<unknown> {
  const { stack } = await createApp(readConfig({ DATA_DIR: ':memory:' }), {
    parts: [],
    trips: { find: async () => TRIP } as unknown as NonNullable<Overrides['trips']>,
    tripRoutes: { look: async () => view } as unknown as NonNullable<Overrides['tripRoutes']>,
  });
  const server = await stack.listen(0, '127.0.0.1');
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/api/trips/${TRIP.id}/route`, {
    headers: { 'x-api-key': key, connection: 'close' },
  });
  const body: unknown = await answer.json();
  await stack.close();
  return { status: answer.status, body };
}

test.each<[string, JobView | undefined, number, object]>([
  ['waits', job('waiting'), 200, { state: 'waiting', progress: 0 }],
  [
    'is being found',
    job('active', { progress: { ratio: 0.5, detail: undefined } }),
    200,
    { state: 'active', progress: 0.5 },
  ],
  [
    'was found',
    job('completed', { result: ROUTE }),
    200,
    { state: 'completed', progress: 1, route: ROUTE },
  ],
  ['was given up', job('dead'), 200, { state: 'failed', progress: 0 }],
  ['was not asked for', undefined, 404, { code: 'ERR_ROUTE_NOT_FOUND' }],
])('a route that %s', async (_what, view, status, body) => {
  expect(await told(view)).toMatchObject({ status, body });
});

test('nobody without a key is told', async () => {
  expect(await told(job('waiting'), 'guessed')).toMatchObject({ status: 401 });
});
