/** Who asks for too much is told so, and until when; the others are not. */
import { PART, type Service, start } from './service.ts';

describe('the service with a limit of five requests an hour', () => {
  let service: Service;
  beforeAll(async () => {
    service = await start({
      ...PART,
      MIN_POPULATION: '500000',
      DATA_DIR: ':memory:',
      ENABLE_RATE_LIMIT: 'true',
      RATE_LIMIT_MAX: '5',
      RATE_LIMIT_WINDOW: '3600',
      TRUST_PROXY: 'loopback',
    });
  });
  afterAll(async () => {
    await service?.stop();
  });

  const ask = (address: string) => service.get('/api/countries/FR', { 'x-forwarded-for': address });

  test('refuses the sixth with 429, and lets its neighbour in', async () => {
    for (let left = 4; left >= 0; left--) {
      // oxlint-disable-next-line no-await-in-loop -- each takes one more
      const { status, headers } = await ask('192.0.2.1');
      expect(status).toBe(200);
      expect(headers.get('ratelimit')).toContain(`r=${left}`);
    }
    const { status, headers, body } = await ask('192.0.2.1');
    expect(status).toBe(429);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(body).toMatchObject({ code: 'ERR_RATE_LIMITED', status: 429 });
    expect((await ask('192.0.2.2')).status).toBe(200);
    // Whether the service lives is nobody's request.
    expect((await service.get('/health/live')).status).toBe(200);
  });
});
