/** Loading what belongs to many, on both databases. */
import { batch } from '@org/batch';
import { type Exchange, exchangeOf } from '@org/core';
import { serve } from '@org/core/testing';
import { type Asked, eager, type EagerOptions, type Key } from '@org/query';
import express from 'express';

import { onBothDatabases } from './databases.ts';

interface Stop {
  readonly id: number;
  readonly trip_id: number;
  readonly place: string;
}

onBothDatabases('eager loading', (database) => {
  const statements: string[] = [];
  const counted: Asked = {
    query(text, values) {
      statements.push(text);
      return database().query(text, values);
    },
  };

  beforeAll(async () => {
    await database().query(`
      create table trips (id int primary key, name text);
      create table cities (id int primary key, name text);
      create table stops (id int primary key, trip_id int, place text, gone boolean default false);
      create table visits (trip_id int, city_id int, at int);
      create table owners (id uuid primary key, big bigint);
      insert into trips values (1, 'one'), (2, 'two'), (3, 'three');
      insert into cities values (10, 'Ulm'), (20, 'Bern'), (30, 'Graz');
      insert into stops values (1, 1, 'c'), (2, 1, 'a'), (3, 2, 'b'), (4, 1, 'b'), (5, 2, null);
      insert into stops values (6, 1, 'z', true);
      insert into visits values (1, 20, 1), (1, 10, 2), (2, 10, 1), (1, 30, 3);
      insert into owners values ('00000000-0000-4000-8000-00000000abcd', 9007199254740993);
    `);
  });
  beforeEach(() => void (statements.length = 0));

  test('lists of many keys are loaded by one statement, each in its order, and misses are empty', async () => {
    const stops = eager<Stop>(counted, {
      from: 'stops',
      foreignKey: 'trip_id',
      where: 'not t.gone',
      orderBy: [{ column: 'place', nulls: 'first' }, { column: 'id' }],
    });
    const [second, none, first, again] = await Promise.all([
      stops.load(2),
      stops.load(99),
      stops.load(1),
      stops.load(2),
    ]);
    expect(first.map(({ place }) => place)).toEqual(['a', 'b', 'c']);
    expect(second.map(({ place }) => place)).toEqual([null, 'b']);
    expect(none).toEqual([]);
    expect(again).toEqual(second);
    expect(Object.keys(first[0]!)).toEqual(['id', 'trip_id', 'place', 'gone']);
    expect(statements).toHaveLength(1);
    expect(statements[0]).toContain('"trip_id" = any($1)');
  });

  test('lists may be cut, each by itself', async () => {
    const stops = eager<Stop>(counted, {
      from: 'stops',
      foreignKey: 'trip_id',
      columns: ['id', 'place'],
      orderBy: [{ column: 'place', direction: 'desc', nulls: 'last' }],
      limit: 2,
    });
    expect(await stops.loadMany([2, 1, 99])).toEqual([
      [
        { id: 3, place: 'b' },
        { id: 5, place: null },
      ],
      [
        { id: 6, place: 'z' },
        { id: 1, place: 'c' },
      ],
      [],
    ]);
    expect(statements).toHaveLength(1);
  });

  test.each([undefined, 2])(
    'a key that is written in two ways has its list once, cut at %p',
    async (limit) => {
      const stops = eager<Stop>(counted, { from: 'stops', foreignKey: 'trip_id', limit });
      const lists = await stops.loadMany([2, '2', 2n]);
      expect(lists.map((list) => list.length)).toEqual([2, 2, 2]);
      expect(statements).toHaveLength(1);
    },
  );

  test('the one of each is a row, or undefined', async () => {
    const cities = eager<{ name: string }>(counted, {
      from: 'cities',
      key: 'id',
      columns: ['name'],
    });
    expect(await cities.loadMany([20, 99, 10])).toEqual([
      { name: 'Bern' },
      undefined,
      { name: 'Ulm' },
    ]);
    expect(statements).toHaveLength(1);
  });

  test.each([undefined, 2])(
    'many have many by the table between, at most %p of each',
    async (limit) => {
      const cities = eager<{ name: string }>(counted, {
        from: 'cities',
        key: 'id',
        through: { table: 'visits', foreignKey: 'trip_id', key: 'city_id' },
        orderBy: [{ column: 'name' }],
        limit,
      });
      const names = (await cities.loadMany([1, 2, 3])).map((list) => list.map(({ name }) => name));
      expect(names).toEqual([['Bern', 'Graz', 'Ulm'].slice(0, limit), ['Ulm'], []]);
      expect(statements).toHaveLength(1);
    },
  );

  test('keys are found however they are written', async () => {
    const byId = eager(counted, { from: 'owners', key: 'id' });
    const byBig = eager(counted, { from: 'owners', key: 'big' });
    expect(await byId.load('00000000-0000-4000-8000-00000000ABCD')).toBeDefined();
    expect(await byBig.load('9007199254740993')).toBeDefined();
    expect(await byBig.load(9_007_199_254_740_993n)).toBeDefined();
    expect(await byBig.load('9007199254740992')).toBeUndefined();
  });

  test('rows get what belongs to them, and stay as they are', async () => {
    const stops = eager<Stop>(counted, { from: 'stops', foreignKey: 'trip_id' });
    const trips = [{ id: 1 }, { id: 3 }, { id: null }];
    const shown = await stops.attach(trips, ({ id }) => id, 'stops');
    expect(shown.map((trip) => [trip.id, trip.stops.length])).toEqual([
      [1, 4],
      [3, 0],
      [null, 0],
    ]);
    expect(trips[0]).toEqual({ id: 1 });
    expect(statements).toHaveLength(1);
  });

  test('more keys than a statement may have are several, and nothing is remembered', async () => {
    const stops = eager<Stop>(counted, { from: 'stops', foreignKey: 'trip_id', maxKeys: 2 });
    await stops.loadMany([1, 2, 3, 1]);
    expect(statements).toHaveLength(2);
    await stops.load(1);
    expect(statements).toHaveLength(3);
  });

  test('what fails fails for all who asked', async () => {
    const nothing = eager(counted, { from: 'nowhere', foreignKey: 'id' });
    const asked = await Promise.allSettled([nothing.load(1), nothing.load(2), nothing.load(1)]);
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(statements).toHaveLength(1);
  });

  test.each<[string, EagerOptions['batcher']]>([
    ['its own', undefined],
    ["@org/batch's", batch().batcher],
  ])('requests batch apart, each by its own connection, in %s batches', async (_, batcher) => {
    const askedFor: (Exchange | undefined)[] = [];
    const stops = eager<Stop>(
      (exchange) => {
        askedFor.push(exchange);
        return counted;
      },
      { from: 'stops', foreignKey: 'trip_id', batcher },
    );
    const app = express();
    app.get('/:id', async (req, res) => {
      const ids: Key[] = [req.params.id, '2'];
      const lists = await Promise.all(ids.map(async (id) => stops.for(req).load(id)));
      const more = await stops.for(exchangeOf(req, res)).loadMany(['3']);
      res.json([...lists, ...more].map((list) => list.length));
    });
    const served = await serve(app);
    const answers = await Promise.all(
      ['/1', '/3'].map(async (path) => (await fetch(served.url + path)).json()),
    );
    await served.close();
    expect(answers).toEqual([
      [4, 2, 0],
      [0, 2, 0],
    ]);
    expect(new Set(askedFor).size).toBe(2);
    expect(askedFor.every((exchange) => exchange !== undefined)).toBe(true);
  });
});

test('a loader says what it needs', () => {
  const sql = { query: () => Promise.resolve({ rows: [] }) };
  expect(() => eager(sql, {})).toThrow('eager: option "from" is needed');
  expect(() => eager(sql, { from: 'a' })).toThrow('either "foreignKey" is needed');
  expect(() => eager(sql, { from: 'a', key: 'b', foreignKey: 'c' })).toThrow('either "foreignKey"');
  expect(() => eager(sql, { from: 'a', key: 'b', limit: 1 })).toThrow('"limit" is for lists');
  expect(() =>
    eager(sql, { from: 'a', through: { table: 'b', foreignKey: 'c', key: 'd' } }),
  ).toThrow('"through" needs "key"');
  expect(() => eager(undefined as never, { from: 'a', key: 'b' })).toThrow('whom to ask first');
});
