/** What a developer sees of the running service, and what a restart after a change of code is compared with. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { PART, type Service, start } from './service.ts';

describe('the devtools of the service', () => {
  const folder = mkdtempSync(join(tmpdir(), 'reference-'));
  let service: Service | undefined;
  afterEach(() => service?.stop());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const run = (env: Record<string, string>): Promise<Service> =>
    start({ ...PART, MIN_POPULATION: '500000', DATA_DIR: ':memory:', TMPDIR: folder, ...env });
  const ON = { ENABLE_HEAVY_MIDDLEWARE: 'true', ENABLE_DEVTOOLS: 'true' };

  test('show where the time of a request went, and remember it over a restart', async () => {
    service = await run(ON);
    await service.get('/api/cities?limit=3', { authorization: 'Bearer not-to-be-kept' });
    const { body } = await service.get('/devtools/api/exchanges');
    const [listed] = body['exchanges'] as [{ id: string; route: string }];
    expect(listed).toMatchObject({ url: '/api/cities?limit=3', route: '/api/cities', status: 200 });
    const exchange = await service.get(`/devtools/api/exchanges/${listed.id}`);
    const spans = exchange.body['spans'] as { name: string; phase?: string }[];
    expect(spans).toContainEqual(expect.objectContaining({ name: 'cache', phase: 'reuse' }));
    expect(spans.map(({ name }) => name)).toContain('handler');
    expect(exchange.text).not.toContain('not-to-be-kept');
    expect(exchange.body['statements']).toMatchObject({ count: 1, repeated: [] });
    expect(await service.stop()).toBe(0);

    service = await run(ON);
    const replay = await service.send('POST', '/devtools/api/replay');
    expect(replay.body).toMatchObject({ replayed: 1, same: 1, changed: 0, failed: [] });
  });

  test('are not there unless they are asked for, and asked for as what is heavy', async () => {
    service = await run({ ENABLE_DEVTOOLS: 'true' });
    expect((await service.get('/devtools')).status).toBe(404);
  });
});
