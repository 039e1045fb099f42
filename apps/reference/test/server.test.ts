import { Client } from 'pg';

import { describeApi } from './api-suite.ts';
import { type PostgresServer, startPostgres, withPostgres } from 'test-servers/postgres';
import { type Service, start, UNQUEUED } from './service.ts';

withPostgres('the API over a server', (binaries) => {
  describe('the API over a Postgres server', () => {
    let postgres: PostgresServer;
    let services: Service[];

    beforeAll(async () => {
      postgres = await startPostgres(binaries);
      // Two at once, on an empty database: one migrates and loads, the other waits.
      const env = { ...UNQUEUED, DATABASE_URL: postgres.url };
      services = await Promise.all([start(env), start(env)]);
    });
    afterAll(async () => {
      for (const service of services ?? []) await service.stop();
      await postgres?.stop();
    });

    test('is loaded once, though two processes start at the same time', async () => {
      const loaders = services.filter((service) => service.output().includes('loaded'));
      expect(loaders).toHaveLength(1);
      const client = new Client({ connectionString: postgres.url });
      await client.connect();
      const { rows } = await client.query(
        'select (select rows from datasets) = (select count(*) from cities) as complete',
      );
      await client.end();
      expect(rows).toEqual([{ complete: true }]);
    });

    describeApi(() => services[0]!);

    test('finds each page by its index, however far', async () => {
      const client = new Client({ connectionString: postgres.url });
      await client.connect();
      await client.query('set enable_seqscan = off');
      const plans: string[] = [];
      for (const query of [
        'select id from cities where (population, id) < (50000, 1) order by population desc, id desc limit 20',
        `select id from cities where (search_name, id) > ('m', 1) order by search_name, id limit 20`,
        `select id from cities where country_code = 'BR' and (population, id) < (50000, 1) order by population desc, id desc limit 20`,
        `select id from cities where country_code = 'BR' and search_name like 'sao%' order by search_name, id limit 20`,
        'select id from cities where latitude between -35 and -34 and longitude between -59 and -58',
      ]) {
        const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain ${query}`);
        plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
      }
      await client.end();
      const [population, name, country, prefix, place] = plans;
      expect(population).toMatch(/cities_population/);
      expect(name).toMatch(/cities_name/);
      expect(country).toMatch(/cities_(country_)?population/);
      expect(prefix).toMatch(/cities_(country_)?name/);
      expect(place).toMatch(/cities_place/);
      for (const plan of [population, name, country, prefix]) expect(plan).not.toMatch(/Sort/);
    });

    test('survives a crash of the server under load, says so, and recovers', async () => {
      const [service] = services as [Service, Service];
      expect((await service.get('/api/cities')).status).toBe(200);
      const load = Promise.all(
        Array.from({ length: 40 }, () => service.get('/api/cities/3435910/nearby?radiusKm=500')),
      );
      await postgres.crash();
      for (const { status } of await load) expect([200, 503, 504]).toContain(status);
      const { status, headers } = await service.get('/api/cities?minPopulation=1234567');
      expect(status).toBe(503);
      expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(service.process.exitCode).toBeNull();
      // What has been asked for before does not need the database.
      expect((await service.get('/api/cities')).headers.get('cache-status')).toContain('hit');
      await postgres.restart();
      expect((await service.get('/api/cities?minPopulation=1234567')).status).toBe(200);
    });

    test('ends with code 0', async () => {
      expect(await Promise.all(services.map((service) => service.stop()))).toEqual([0, 0]);
    });
  });
});
