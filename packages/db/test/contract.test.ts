import { middlewareContract } from '@org/core/testing';
import { db, type DbOptions, pglite } from '@org/db';
import { setup } from '@org/setup';
import express from 'express';

/** Nothing is asked of it. */
const INSTANCE = {
  query: () => Promise.reject(new Error('nobody asks')),
  exec: () => Promise.reject(new Error('nobody asks')),
};

middlewareContract<Partial<DbOptions>>('db', {
  factory: db,
  required: () => ({ driver: pglite(INSTANCE) }),
  example: { acquireTimeoutMs: 1000 },
  setup,
});

test('needs a database, and says how to name one', () => {
  expect(() => db()).toThrow('db: option "driver" is needed, and is postgres(pool)');
  expect(() => db({})).toThrow('db: option "driver" is needed');
});

test('two of them have a place in one stack, each by its name', async () => {
  const [first, second] = [
    db({ driver: pglite(INSTANCE) }),
    db({ driver: pglite(INSTANCE), name: 'archive', path: '/api/middleware/archive-pool' }),
  ];
  const stack = setup(express(), [first, second]);
  const names = stack.explain().rows.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['db:pool', 'archive:pool', 'db', 'archive']));
  await stack.close();
});

test('takes an address in the place of a driver, and connects to nothing', async () => {
  const data = db({ url: 'postgres://nobody@127.0.0.1:1/none' });
  expect(data.stats()).toMatchObject({ driver: 'postgres', pool: { capacity: 10, size: 0 } });
  await data.close();
});

test('says what is wrong with a unit of work, by the name of its member', () => {
  const driver = pglite(INSTANCE);
  expect(() => db({ driver, routes: { '/x': { isolation: 'snapshot' as never } } })).toThrow(
    'unitOfWork: option "isolation" must be one of "read committed", "repeatable read", "serializable", but is "snapshot".',
  );
});
