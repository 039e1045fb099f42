/** The weather service that fails: by its script, and always in the same way. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { assert, double, integer, property } from 'fast-check';

import { fates, readScript } from '../upstream/faults.ts';
import { weatherServer } from '../upstream/server.ts';
import { weatherAt } from '../upstream/weather.ts';

describe('a fault script', () => {
  test('does the same to the same requests, whenever it runs', () => {
    const script = { seed: 7, steps: [{ requests: 1, errorRatio: 0.3, slowRatio: 0.5 }] };
    const [one, other] = [fates(script), fates(script)];
    const many = Array.from({ length: 500 }, () => one());
    expect(Array.from({ length: 500 }, () => other())).toEqual(many);
    const errors = many.filter(({ kind }) => kind === 'error').length;
    expect(errors).toBeGreaterThan(100);
    expect(errors).toBeLessThan(200);
    const another = fates({ ...script, seed: 8 });
    expect(Array.from({ length: 500 }, () => another())).not.toEqual(many);
  });

  test('goes from step to step by requests, and stays with the last', () => {
    const next = fates({
      steps: [
        { requests: 2 },
        { requests: 1, errorRatio: 1, status: 500, retryAfterSeconds: 3 },
        { abortRatio: 1 },
      ],
    });
    expect(Array.from({ length: 6 }, () => next().kind)).toEqual([
      'answer',
      'answer',
      'error',
      'abort',
      'abort',
      'abort',
    ]);
  });

  test.each([
    [{ steps: [] }, 'steps'],
    [{ steps: [{ errorRatio: 2 }] }, 'errorRatio'],
    [{ step: [] }, 'step'],
  ])('%j is none, and the error says so', (script, named) => {
    expect(() => readScript(script)).toThrow(named);
  });
});

test('weather is the same for the same place and hour, and never out of this world', () => {
  assert(
    property(
      double({ min: -90, max: 90, noNaN: true }),
      double({ min: -180, max: 180, noNaN: true }),
      integer({ min: 0, max: 4e12 }),
      (latitude, longitude, at) => {
        const weather = weatherAt(latitude, longitude, at);
        expect(weatherAt(latitude, longitude, at - (at % 3_600_000))).toEqual(weather);
        expect(weather.temperatureC).toBeGreaterThan(-80);
        expect(weather.temperatureC).toBeLessThan(60);
        expect(weather.sky === 'snow').toBe(weather.sky === 'snow' && weather.temperatureC <= 0);
      },
    ),
  );
});

describe('the weather service', () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = weatherServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const ask = (): Promise<Response> => fetch(`${url}/weather?latitude=48.85&longitude=2.35`);
  const script = async (steps: readonly object[]): Promise<number> => {
    const { status } = await fetch(`${url}/faults`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ steps }),
    });
    return status;
  };

  test('tells the weather', async () => {
    expect(await (await ask()).json()).toEqual({
      temperatureC: expect.any(Number),
      windKmh: expect.any(Number),
      sky: expect.stringMatching(/^(clear|clouds|rain|snow)$/),
      observedAt: expect.stringMatching(/:00:00\.000Z$/),
    });
  });

  test('fails as its script says: an error, a cut connection, no answer at all', async () => {
    const steps = [
      { errorRatio: 1, retryAfterSeconds: 2 },
      { abortRatio: 1 },
      { hangRatio: 1 },
      {},
    ];
    expect(await script(steps)).toBe(204);
    const failed = await ask();
    expect([failed.status, failed.headers.get('retry-after')]).toEqual([503, '2']);
    await failed.text();
    await expect(ask().then((answer) => answer.text())).rejects.toThrow('terminated');
    const controller = new AbortController();
    const met = once(server, 'request');
    const hung = fetch(`${url}/weather?latitude=0&longitude=0`, { signal: controller.signal });
    await met;
    expect((await ask()).status).toBe(200);
    controller.abort();
    await expect(hung).rejects.toThrow('aborted');
  });

  test.each([[[]], [[{ errorRatio: 2 }]]])('refuses %j for a script', async (steps) => {
    expect(await script(steps)).toBe(400);
  });

  test('refuses a place that there is not', async () => {
    expect((await fetch(`${url}/weather?latitude=91&longitude=0`)).status).toBe(400);
  });
});
