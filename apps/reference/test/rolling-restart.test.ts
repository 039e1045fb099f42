/**
 * A rolling restart under load: one process after the other is replaced, and nobody notices. POSTs
 * are not asked again, neither by the clients nor by the balancer: what is lost would be lost.
 */
import { Agent, request } from 'node:http';
import { Client } from 'pg';

import { type Balancer, startBalancer } from './balancer.ts';
import { type PostgresServer, startPostgres, withPostgres } from 'test-servers/postgres';
import { PART, type Service, start } from './service.ts';

const OWNERS = Array.from({ length: 12 }, (_, at) => `owner${at}`);

withPostgres('a rolling restart', (binaries) => {
  describe('a rolling restart under load', () => {
    let postgres: PostgresServer;
    let balancer: Balancer;
    const running: Service[] = [];

    async function run(): Promise<Service> {
      const service = await start({
        ...PART,
        MIN_POPULATION: '500000',
        DATABASE_URL: postgres.url,
        API_KEYS: OWNERS.map((owner) => `${owner}:key-of-${owner}`).join(','),
      });
      running.push(service);
      balancer.add(service.url);
      await balancer.ready(service.url);
      return service;
    }

    beforeAll(async () => {
      postgres = await startPostgres(binaries);
      balancer = await startBalancer();
      await run();
      await run();
    }, 240_000);
    afterAll(async () => {
      for (const service of running) await service.stop('SIGKILL');
      await balancer?.stop();
      await postgres?.stop();
    }, 240_000);

    test('loses no request, resets no connection and leaves nothing half done', async () => {
      const answers = new Map<number, number>();
      const stops = [{ cityId: 3435910, arrivesOn: '2027-01-01', leavesOn: '2027-01-02' }];
      const kept: string[] = [];
      const load = { over: false };

      /** Makes trips, and deletes each but the last, one request after the other on one connection. */
      const client = async (owner: string): Promise<void> => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        const ask = async (method: string, path: string, body?: object): Promise<Answered> => {
          const answered = await send(balancer.url + path, { agent, method, owner, body });
          answers.set(answered.status, (answers.get(answered.status) ?? 0) + 1);
          return answered;
        };
        let last: string | undefined;
        while (!load.over) {
          const { location } = await ask('POST', '/api/trips', { name: `of ${owner}`, stops });
          if (last !== undefined) await ask('DELETE', last);
          last = location;
        }
        if (last !== undefined) kept.push(last.slice('/api/trips/'.length));
        agent.destroy();
      };

      const loading = Promise.all(OWNERS.map(client));
      for (const old of running.slice()) {
        const before = answers.get(201) ?? 0;
        await run();
        expect(await old.stop()).toBe(0);
        balancer.remove(old.url);
        // Load, and not the silence after a crash.
        expect(answers.get(201)).toBeGreaterThan(before);
      }
      load.over = true;
      await loading;

      expect(balancer.faults).toEqual([]);
      expect(new Set(answers.keys())).toEqual(new Set([201, 204]));
      const database = new Client({ connectionString: postgres.url });
      await database.connect();
      const { rows } = await database.query<{ id: string; stops: string }>(
        'select id, (select count(*) from trip_stops where trip_id = trips.id) as stops from trips order by id',
      );
      await database.end();
      expect(rows).toEqual(kept.toSorted().map((id) => ({ id, stops: '1' })));
    }, 240_000);
  });
});

interface Answered {
  readonly status: number;
  readonly location: string | undefined;
}

/** One request, which is not made again. */
function send(
  url: string,
  {
    agent,
    method,
    owner,
    body,
  }: { agent: Agent; method: string; owner: string; body?: object | undefined },
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-api-key': `key-of-${owner}`, 'content-type': 'application/json' };
    const sent = request(url, { agent, method, headers }, (answer) => {
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, location: answer.headers.location }),
      );
      answer.resume();
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
