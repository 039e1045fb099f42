import { array, assert as assertProperty, integer, property, tuple } from 'fast-check';

import { TopConsumers } from '../src/top-consumers.ts';

test('counts are never too low, and never too high by more than they say', () => {
  assertProperty(
    property(
      integer({ min: 1, max: 10 }),
      array(tuple(integer({ min: 0, max: 30 }), integer({ min: 0, max: 9 })), {
        maxLength: 300,
        size: 'max',
      }),
      (maxKeys, asked) => {
        const consumers = new TopConsumers(maxKeys);
        const truth = new Map<string, number>();
        let sum = 0;
        for (const [who, units] of asked) {
          consumers.note(`key ${who}`, units, units > 5, 0);
          truth.set(`key ${who}`, (truth.get(`key ${who}`) ?? 0) + units);
          sum += units;
        }
        const top = consumers.top(100);
        expect(top.length).toBe(Math.min(maxKeys, truth.size));
        for (const { key, units, error, refused } of top) {
          expect(refused).toBeLessThanOrEqual(units - error);
          expect(units).toBeGreaterThanOrEqual(truth.get(key)!);
          expect(units - error).toBeLessThanOrEqual(truth.get(key)!);
        }
        const known = new Set(top.map(({ key }) => key));
        const heavy = [...truth].filter(([, units]) => units > sum / maxKeys).map(([key]) => key);
        expect(heavy.filter((key) => !known.has(key))).toEqual([]);
        expect(top.map(({ units }) => units)).toEqual(
          top.map(({ units }) => units).toSorted((a, b) => b - a),
        );
      },
    ),
  );
});

test('counts are halved every five minutes', () => {
  const consumers = new TopConsumers(2);
  consumers.note('a', 100, true, 0);
  consumers.note('a', 0, false, 299_999);
  expect(consumers.top(1)).toEqual([{ key: 'a', units: 100, error: 0, refused: 100 }]);
  consumers.note('b', 1, false, 300_000);
  consumers.note('b', 1, false, 900_000);
  expect(consumers.top(2)).toEqual([
    { key: 'a', units: 12, error: 0, refused: 12 },
    { key: 'b', units: 1, error: 0, refused: 0 },
  ]);
});

test('after that the smallest go first again', () => {
  const consumers = new TopConsumers(2);
  for (const key of ['a', 'b']) consumers.note(key, 100, false, 0);
  consumers.note('c', 1, false, 0);
  for (const key of ['d', 'e']) consumers.note(key, 1, false, 300_000);
  expect(consumers.top(2).map(({ key, units }) => [key, units])).toEqual([
    ['d', 51],
    ['e', 51],
  ]);
});

test('none are kept where none may be', () => {
  const consumers = new TopConsumers(0);
  consumers.note('a', 1, false, 0);
  expect(consumers.top(10)).toEqual([]);
});
