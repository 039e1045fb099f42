/** What users see of the weather while the service behind it fails. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { FaultStep } from '../upstream/faults.ts';
import { weatherServer } from '../upstream/server.ts';
import { type Answer, PART, type Service, start } from './service.ts';

const BUENOS_AIRES = 3435910;
const CORDOBA = 3860259;

describe('the weather of a city', () => {
  let upstream: Server;
  let upstreamUrl: string;
  let asked = 0;
  let service: Service;

  beforeAll(async () => {
    upstream = weatherServer().listen(0, '127.0.0.1');
    upstream.on('request', ({ url = '' }: { url?: string }) => {
      if (url.startsWith('/weather')) asked++;
    });
    await once(upstream, 'listening');
    upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    service = await start({
      ...PART,
      MIN_POPULATION: '500000',
      DATA_DIR: ':memory:',
      WEATHER_URL: upstreamUrl,
      // Asked for anew each time, as long as somebody knows it.
      WEATHER_MAX_AGE: '0',
      CIRCUIT_MIN_CALLS: '4',
      CIRCUIT_OPEN_TIME: '1',
    });
  });
  afterAll(async () => {
    await service?.stop();
    upstream.closeAllConnections();
    upstream.close();
  });

  /** From the next request on. */
  async function script(...steps: readonly Partial<FaultStep>[]): Promise<void> {
    const { status } = await fetch(`${upstreamUrl}/faults`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ steps }),
    });
    expect(status).toBe(204);
    asked = 0;
  }

  const weather = (id: number = BUENOS_AIRES): Promise<Answer> =>
    service.get(`/api/cities/${id}/weather`);

  interface Circuit {
    readonly state: string;
    readonly healthRatio: number;
  }

  async function circuit(): Promise<Circuit> {
    const { body } = await service.get('/api/middleware/stats');
    const { components } = body as unknown as {
      components: { 'weather:circuit': { breakers: { 'weather:circuit': Circuit } } };
    };
    return components['weather:circuit'].breakers['weather:circuit'];
  }

  test('is told as the weather service tells it', async () => {
    const { status, body, headers } = await weather();
    expect(status).toBe(200);
    expect(body).toEqual({
      city: `/api/cities/${BUENOS_AIRES}`,
      temperatureC: expect.any(Number),
      windKmh: expect.any(Number),
      sky: expect.any(String),
      observedAt: expect.any(String),
    });
    expect(headers.get('cache-control')).toContain('max-age=0');
  });

  test('of a city that there is not is a 404, and nobody is asked', async () => {
    await script({});
    expect((await weather(1)).status).toBe(404);
    expect(asked).toBe(0);
  });

  test('is there although an attempt fails: an error, then a cut connection, then an answer', async () => {
    await script({ errorRatio: 1 }, { abortRatio: 1 }, {});
    expect((await weather()).status).toBe(200);
    // Or more, where a late one was hedged.
    expect(asked).toBeGreaterThanOrEqual(3);
  });

  test('is there although the first request hangs: a second one is made beside it', async () => {
    await script({ hangRatio: 1 }, {});
    expect((await weather()).status).toBe(200);
    expect(asked).toBeGreaterThanOrEqual(2);
  });

  test('is what was known last while nobody knows better; who never asked is told to come back', async () => {
    expect((await weather()).status).toBe(200);
    await script({ errorRatio: 1 });
    const before = await circuit();
    for (let time = 0; time < 4; time++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, as the circuit counts them
      const { status, headers, body } = await weather();
      expect(status).toBe(200);
      expect(body['temperatureC']).toEqual(expect.any(Number));
      expect(headers.get('cache-status')).toContain('stale');
    }
    const never = await weather(CORDOBA);
    expect(never.status).toBe(503);
    expect(never.body).toMatchObject({ type: '/problems#weather-unavailable' });
    expect(Number(never.headers.get('retry-after'))).toBeGreaterThan(0);

    const broken = await circuit();
    expect(broken.state).not.toBe('closed');
    expect(broken.healthRatio).toBeLessThan(before.healthRatio);
  });

  test('costs a service that is down next to nothing, and comes back by itself', async () => {
    await script({ errorRatio: 1 });
    for (let time = 0; time < 20; time++) {
      // oxlint-disable-next-line no-await-in-loop -- a client that goes on asking
      expect((await weather(CORDOBA)).status).toBe(503);
    }
    // Without a circuit it would have been three times for each.
    expect(asked).toBeLessThan(30);

    await script({});
    const scores: number[] = [];
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- until it is well again, however long that takes
      const [{ status }, { state, healthRatio }] = [await weather(CORDOBA), await circuit()];
      scores.push(healthRatio);
      if (status === 200 && state === 'closed') break;
    }
    expect(scores[0]).toBeLessThan(0.8);
    expect(scores.at(-1)).toBeGreaterThanOrEqual(0.8);
  });
});
