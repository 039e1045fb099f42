/** Idempotency, while processes and what they keep their keys in are killed. */
import { withPostgres } from 'test-servers/postgres';
import { withRedis } from 'test-servers/redis';

import { type Books, postgresBooks, redisBooks } from '../src/books.ts';
import { Child } from '../src/child.ts';
import { Dice } from '../src/dice.ts';
import { tallyOnce } from '../src/once.ts';
import { ask } from '../src/service.ts';
import { until } from '../src/until.ts';
import { SEED } from './seed.ts';

const SETTINGS = { keys: 40, duplicates: 10, storeKills: 2, processKills: 2 } as const;
/** On a busy machine the default takes a store for away that is not. */
const PATIENT_MS = 500;
const NONE = { double: 0, lost: 0, stuck: 0 } as const;

/** What ran twice, is lost, or stuck. */
async function faultsOf(books: Books): Promise<object> {
  try {
    const { double, lost, stuck } = await tallyOnce(books, new Dice(SEED), SETTINGS);
    return { double, lost, stuck };
  } finally {
    await books.close();
  }
}

withPostgres('that a transaction runs once', (binaries) => {
  test(`in a transaction of Postgres nothing runs twice, is lost or is stuck (SEED=${SEED})`, async () => {
    expect(await faultsOf(await postgresBooks(binaries))).toEqual(NONE);
  });
});

withRedis('that a key runs once', () => {
  test(`over a Redis that syncs every write nothing runs twice, is lost or is stuck (SEED=${SEED})`, async () => {
    expect(await faultsOf(await redisBooks('always', PATIENT_MS))).toEqual(NONE);
  });

  test('a key whose owner crashed is indeterminate, and can be resolved either way', async () => {
    // One who was refused because the machine is busy would never hang.
    const books = await redisBooks('always', 10_000);
    const [owner, other] = [
      new Child('booking-service', books.env),
      new Child('booking-service', books.env),
    ];
    try {
      await Promise.all([owner.start(), other.start()]);
      for (const [key, ended, effects] of [
        ['took-effect', 'done', 0],
        ['did-not', 'retry', 1],
      ] as const) {
        const headers = { 'idempotency-key': key, 'content-type': 'application/json' };
        const given = { method: 'POST', headers, body: '{"amount":1}' };
        const hung = ask(`${owner.url}/book`, { ...given, headers: { ...headers, 'x-hang': '1' } });
        const answer = hung.catch(() => 'cut');
        const known = async () => JSON.parse((await ask(`${other.url}/book`, given)).text) as Told;
        await owner.message('hanging');
        expect(await known()).toMatchObject({ code: 'ERR_IDEMPOTENCY_IN_FLIGHT' });
        await owner.kill();
        expect(await answer).toBe('cut');
        let told: Told = {};
        const isKnown = async (): Promise<boolean> => {
          told = await known();
          return told.code === 'ERR_IDEMPOTENCY_INDETERMINATE';
        };
        expect(await until(isKnown)).toBe(true);
        await ask(`${other.url}/operators/${told.record}/${ended}`, { method: 'POST' });
        expect((await ask(`${other.url}/book`, given)).status).toBe(201);
        expect((await books.effects()).get(key) ?? 0).toBe(effects);
        await owner.start();
      }
    } finally {
      await Promise.all([owner.kill(), other.kill()]);
      await books.close();
    }
  });
});

interface Told {
  readonly code?: string;
  readonly record?: string;
}
