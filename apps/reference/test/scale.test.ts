/**
 * Two processes on one Redis and one Postgres are one service: the checks of `pnpm scale`, smaller.
 */
import { CHECKS } from '../scale/checks/index.ts';
import { Ends, type Fleet, startFleet } from '../scale/fleet.ts';
import { withPostgres } from 'test-servers/postgres';
import { withRedis } from 'test-servers/redis';

withPostgres('several processes', (binaries) => {
  withRedis('several processes', () => {
    describe('two processes behind a balancer', () => {
      const ends = new Ends();
      let fleet: Fleet;
      beforeAll(async () => {
        fleet = await startFleet({ processes: 2, requests: 100 }, binaries, ends);
      });
      afterAll(() => ends.run(), 240_000);

      // In this order, each over what those before have left.
      test.each(Object.entries(CHECKS))('are one service: %s', async (_name, check) => {
        for (const finding of await check(fleet)) expect(finding).toMatchObject({ holds: true });
      });
    });
  });
});
