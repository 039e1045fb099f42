/** What is known of the API's use, before and after a restart. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { PART, type Service, start } from './service.ts';

const ADA = { 'x-api-key': 'demo-key-of-ada' };

describe('the use of the API', () => {
  let folder: string;
  let service: Service;
  const env = (): Record<string, string> => ({
    ...PART,
    MIN_POPULATION: '500000',
    DATA_DIR: folder,
    ANALYTICS_SECRET: 'a-secret-of-many-letters',
  });
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'reference-use-'));
    service = await start(env());
  });
  afterAll(async () => {
    await service?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const counts = async (): Promise<Record<string, unknown>> => {
    const { body } = await service.get('/api/analytics/endpoints');
    return Object.fromEntries(
      body.items.map(({ method, route, requests }) => [
        `${String(method)} ${String(route)}`,
        requests,
      ]),
    );
  };
  const consumers = async (): Promise<unknown[]> =>
    (await service.get('/api/analytics/consumers')).body.items
      .filter(({ anonymous }) => anonymous === false)
      .map(({ consumer, requests }) => [consumer, (requests as { value: number }).value]);

  async function use(): Promise<void> {
    for (let at = 0; at < 3; at++) await service.get('/api/countries/NZ');
    for (let at = 0; at < 5; at++) await service.get('/api/trips', ADA);
    for (let at = 0; at < 4; at++) await service.get(`/wp-login-${at}.php`);
  }

  test('is counted by endpoint and consumer, hits of the cache included, and scans by no endpoint', async () => {
    await use();
    expect(await counts()).toEqual({ 'GET /api/countries/:code': 3, 'GET /api/trips': 5 });
    const { body } = await service.get('/api/analytics/summary');
    expect(body).toMatchObject({ requests: 8, unrouted: { requests: 4, notFound: 4 }, lost: 0 });
    expect(await consumers()).toEqual([[expect.stringMatching(/^c-/), 5]]);
    const unused = (await service.get('/api/analytics/unused')).body.items;
    const names = unused.map(({ method, route }) => `${String(method)} ${String(route)}`);
    expect(names).toContain('DELETE /api/trips/:id');
    expect(names).not.toContain('GET /api/trips');
  });

  test('is still known after a restart, and goes on from there', async () => {
    const [[ada]] = (await consumers()) as [[string]];
    expect(await service.stop()).toBe(0);
    service = await start(env());
    expect(await counts()).toEqual({ 'GET /api/countries/:code': 3, 'GET /api/trips': 5 });
    await use();
    expect(await counts()).toEqual({ 'GET /api/countries/:code': 6, 'GET /api/trips': 10 });
    expect(await consumers()).toEqual([[ada, 10]]);
  });
});
