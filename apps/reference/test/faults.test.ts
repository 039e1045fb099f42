/**
 * Everything that can go wrong, in an order that comes from a seed: the database pauses, crashes and
 * comes back, the weather service fails, hangs, breaks off and is slow, clients leave. Whatever
 * happens, users see an answer they can work with, nothing is done twice or by half, and afterwards
 * all is as it was.
 */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client } from 'pg';

import { type FaultStep, mulberry32 } from '../upstream/faults.ts';
import { weatherServer } from '../upstream/server.ts';
import { type PostgresServer, startPostgres, withPostgres } from 'test-servers/postgres';
import { type Answer, PART, type Service, start } from './service.ts';

const OWNER = { 'x-api-key': 'demo-key-of-ada' };
/** Faults of a run, and requests during each. */
const FAULTS = 8;
const REQUESTS = 30;

const UPSTREAM_FAULTS: readonly Partial<FaultStep>[] = [
  { errorRatio: 1 },
  { errorRatio: 0.5, retryAfterSeconds: 1 },
  { hangRatio: 1 },
  { abortRatio: 0.7 },
  { slowRatio: 0.8, slowMs: 800 },
];

withPostgres('what users see while things fail', (binaries) => {
  describe.each([1, 2026])('what users see while things fail, seed %i', (seed) => {
    const random = mulberry32(seed);
    const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    let postgres: PostgresServer;
    let upstream: Server;
    let upstreamUrl: string;
    let service: Service;
    let cities: readonly number[];
    const created = new Map<string, string>();
    let trips = 0;

    beforeAll(async () => {
      postgres = await startPostgres(binaries);
      upstream = weatherServer().listen(0, '127.0.0.1');
      await once(upstream, 'listening');
      upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
      service = await start({
        ...PART,
        MIN_POPULATION: '500000',
        DATABASE_URL: postgres.url,
        WEATHER_URL: upstreamUrl,
        WEATHER_MAX_AGE: '0',
        CIRCUIT_OPEN_TIME: '1',
        REQUEST_TIMEOUT: '2',
      });
      const { body } = await service.get('/api/cities?limit=5');
      cities = body.items.map(({ id }) => id);
    });
    afterAll(async () => {
      await service?.stop('SIGKILL');
      upstream?.closeAllConnections();
      upstream?.close();
      postgres?.resume();
      await postgres?.stop();
    });

    /** Breaks something; what it returns mends it. */
    async function breakSomething(): Promise<() => Promise<void> | void> {
      const kind = oneOf(['pause', 'crash', 'upstream', 'upstream']);
      if (kind === 'pause') {
        postgres.pause();
        return () => postgres.resume();
      }
      if (kind === 'crash') {
        await postgres.crash();
        return () => postgres.restart();
      }
      await script([oneOf(UPSTREAM_FAULTS)]);
      return () => script([{}]);
    }

    async function script(steps: readonly Partial<FaultStep>[]): Promise<void> {
      const { status } = await fetch(`${upstreamUrl}/faults`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ seed, steps }),
      });
      expect(status).toBe(204);
    }

    /** One request of a user; some leave before they have their answer. */
    async function use(): Promise<Answer | undefined> {
      const kind = random();
      if (kind < 0.1) {
        const { url } = service;
        const leaves = AbortSignal.timeout(Math.floor(random() * 50));
        await fetch(`${url}/api/cities/${oneOf(cities)}/nearby`, { signal: leaves }).catch(
          () => undefined,
        );
        return undefined;
      }
      if (kind < 0.4) return service.get(`/api/cities/${oneOf(cities)}/weather`);
      if (kind < 0.6) return service.get(`/api/cities?minPopulation=${Math.floor(random() * 1e6)}`);
      if (kind < 0.7) return service.get('/api/countries');
      return create(`trip-${seed}-${trips++}`);
    }

    async function create(key: string): Promise<Answer> {
      const stops = [{ cityId: cities[0], arrivesOn: '2027-01-01', leavesOn: '2027-01-02' }];
      const answer = await service.send(
        'POST',
        '/api/trips',
        { name: key, stops },
        { ...OWNER, 'idempotency-key': `"${key}"` },
      );
      if (answer.status === 201) created.set(key, String(answer.body['id']));
      return answer;
    }

    function expectUsable({ status, headers, body, text }: Answer): void {
      if (status < 400) return;
      expect([503, 504]).toContain(status);
      expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(body['status']).toBe(status);
      expect(text).not.toMatch(/\bat .*\.ts|ECONN|postgres:/);
    }

    test('is an answer that they can work with, and nothing twice or by half', async () => {
      let failed = 0;
      for (let fault = 0; fault < FAULTS; fault++) {
        // oxlint-disable-next-line no-await-in-loop -- one thing breaks after the other
        const mend = await breakSomething();
        // oxlint-disable-next-line no-await-in-loop
        const answers = await Promise.all(Array.from({ length: REQUESTS }, use));
        // oxlint-disable-next-line no-await-in-loop
        await mend();
        for (const answer of answers) {
          if (answer === undefined) continue;
          expectUsable(answer);
          if (answer.status >= 500) failed++;
        }
      }
      // Things did fail.
      expect(failed).toBeGreaterThan(0);
      expect(service.process.exitCode).toBeNull();
      expect(service.output()).not.toMatch(/unhandled|MaxListeners/i);

      // Whoever was told to come back does, with the same key, until all is well again.
      for (let trip = 0; trip < trips; trip++) {
        const key = `trip-${seed}-${trip}`;
        while (!created.has(key)) {
          // oxlint-disable-next-line no-await-in-loop -- a client comes back, however often it must
          expectUsable(await create(key));
        }
      }
      const database = new Client({ connectionString: postgres.url });
      await database.connect();
      const { rows } = await database.query<{ name: string; id: string; stops: string }>(
        'select name, id, (select count(*) from trip_stops where trip_id = trips.id) as stops from trips',
      );
      await database.end();
      expect(new Map(rows.map(({ name, id }) => [name, id]))).toEqual(created);
      expect(rows).toHaveLength(trips);
      expect(new Set(rows.map(({ stops }) => stops))).toEqual(new Set(['1']));

      for (const id of cities) {
        for (;;) {
          // oxlint-disable-next-line no-await-in-loop -- until the circuit has closed
          const answer = await service.get(`/api/cities/${id}/weather`);
          expectUsable(answer);
          if (answer.status === 200) break;
        }
      }
    });
  });
});
