/** A process that uses a store for everything outlives it, again and again. */
import { type RedisServer, startRedis, withRedis } from 'test-servers/redis';

import { Child } from '../src/child.ts';
import { Dice } from '../src/dice.ts';
import { ask } from '../src/service.ts';
import { until } from '../src/until.ts';
import { SEED } from './seed.ts';

const CRASHES = 20;

interface State {
  readonly isShared: boolean;
  readonly requests: readonly number[];
  readonly wrong: readonly string[];
}

withRedis('that a process survives its crashes', () => {
  let redis: RedisServer;
  let child: Child;
  beforeAll(async () => {
    redis = await startRedis();
    child = new Child('survivor', {
      REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      SEED: String(SEED),
      // What nobody handles ends it; what is only warned of is counted below.
      NODE_OPTIONS: '--unhandled-rejections=strict',
    });
    await child.start();
  });
  afterAll(async () => {
    await child.kill();
    await redis.crash();
  });

  const state = async (): Promise<State> => JSON.parse((await ask(child.url)).text) as State;

  test(`${CRASHES} crashes of the store end no process, reject nothing unhandled, and flood no log (SEED=${SEED})`, async () => {
    const dice = new Dice(SEED);
    expect(await until(async () => (await state()).isShared, 30_000)).toBe(true);
    for (let crash = 0; crash < CRASHES; crash++) {
      const before = await state();
      await redis.crash();
      // Now and then it is back before anybody has asked.
      const more = async (): Promise<boolean> =>
        dice.next() < 0.05 ||
        (await state()).requests.every((count, at) => count > before.requests[at]!);
      expect(await until(more, 30_000)).toBe(true);
      await redis.restart();
    }
    expect(await until(async () => (await state()).isShared, 30_000)).toBe(true);
    expect(child.isAlive).toBe(true);
    expect((await state()).wrong).toEqual([]);
    expect(child.errors).not.toMatch(/unhandled|MaxListeners|Uncaught/i);
    // Two processes' worth of seven users and their stores tell of an outage once, or twice where it flickers.
    const told = child.errors.match(/MiddlewareFault/g)?.length ?? 0;
    expect(told).toBeLessThanOrEqual(CRASHES * 2 * (7 + 7) * 2);
  });
});
