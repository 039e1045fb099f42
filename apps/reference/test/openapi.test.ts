/** The document of the service: of every route, and true of what is answered. */
import { openapi } from '@org/openapi';

import { API } from '../src/api.ts';
import { createApp } from '../src/app.ts';
import { readConfig } from '../src/settings.ts';
import { PART, type Service, start } from './service.ts';

const ADA = { 'x-api-key': 'demo-key-of-ada' };

describe('the document', () => {
  test('knows every route, and no other', async () => {
    const { app, stack } = await createApp(readConfig({ DATA_DIR: ':memory:' }));
    expect(openapi({ ...API, docsPath: false }).drift(app)).toEqual({
      undocumented: [],
      unmounted: [],
    });
    await stack.close();
  });
});

describe('the service', () => {
  let service: Service;
  beforeAll(async () => {
    // Answers are held to their schemas, and what does not fit is logged.
    service = await start({ ...PART, DATA_DIR: ':memory:', NODE_ENV: 'test' });
  });
  afterAll(async () => {
    await service?.stop();
  });

  test('tells each version what it knows of a city', async () => {
    const propertiesOf = async (version: string): Promise<object> => {
      const { body } = await service.get(`/openapi/${version}.json`);
      const { schemas } = body['components'] as {
        schemas: { City: { properties: object } };
      };
      return schemas.City.properties;
    };
    expect(await propertiesOf('2026-01-01')).toHaveProperty('latitude');
    expect(await propertiesOf('2026-11-01')).toHaveProperty('coordinates');
  });

  test('has patterns that mean the same to the page, which reads them without their flags', async () => {
    const { text } = await service.get('/openapi.json');
    expect(text).toContain('"pattern"');
    expect(text).not.toMatch(/\\\\p\{/i);
  });

  test('shows the page to everybody', async () => {
    const { status, headers } = await service.get('/docs', { 'x-forwarded-for': '203.0.113.7' });
    expect(status).toBe(200);
    expect(headers.get('content-security-policy')).toContain("script-src 'nonce-");
  });

  test('answers as it says, of places and of trips', async () => {
    const newest = { 'API-Version': '2026-11-01' };
    const { body: page } = await service.get('/api/cities?limit=3&include=country', newest);
    const { id } = page.items[0]!;
    for (const path of [
      '/api/countries',
      '/api/countries/NZ',
      '/api/cities',
      `/api/cities/${id}`,
      `/api/cities/${id}/nearby`,
    ]) {
      expect((await service.get(path, newest)).status).toBe(200);
    }
    const stops = [{ cityId: id, arrivesOn: '2027-05-01', leavesOn: '2027-05-04' }];
    const made = await service.send('POST', '/api/trips', { name: 'Away', stops }, ADA);
    expect(made.status).toBe(201);
    const address = made.headers.get('location')!;
    expect((await service.get(address, ADA)).status).toBe(200);
    expect((await service.get('/api/trips', ADA)).status).toBe(200);
    expect((await service.send('PATCH', address, { name: 'Back' }, ADA)).status).toBe(200);
    expect((await service.send('DELETE', address, undefined, ADA)).status).toBe(204);
    expect(service.output()).not.toContain('ERR_RESPONSE_INVALID');
    expect(service.output()).not.toContain('is not as its route describes it');
  });
});
