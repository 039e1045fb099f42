/** When a pool will be full. */
import * as fc from 'fast-check';

import { samplesUntilFull } from '../src/forecast.ts';

test('a load that grows by a line is full where the line says', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10, max: 60 }),
      fc.double({ min: 0.01, max: 0.2, noNaN: true }),
      (count, slope) => {
        const load = Array.from({ length: count }, (_, at) => at * slope);
        const until = samplesUntilFull(load, 20);
        const truth = (20 - load.at(-1)!) / slope;
        expect(until ?? 3600).toBeCloseTo(Math.min(truth, 3600), 3);
      },
    ),
  );
});

test('whatever the load, it is nothing or a time from now on', () => {
  const load = fc.array(fc.double({ min: 0, max: 50, noNaN: true }), { maxLength: 60 });
  fc.assert(
    fc.property(load, (given) => {
      const until = samplesUntilFull(given, 10);
      expect(until === undefined || (until >= 0 && until <= 3600)).toBe(true);
      expect((given.at(-1) ?? 0) >= 10 && until !== 0).toBe(false);
    }),
  );
});

test('says nothing of what falls, stands, scatters or has only begun', () => {
  const series = (make: (at: number) => number): number[] =>
    Array.from({ length: 30 }, (_, at) => make(at));
  expect(
    samplesUntilFull(
      series((at) => 9 - at / 10),
      10,
    ),
  ).toBeUndefined();
  expect(
    samplesUntilFull(
      series(() => 5),
      10,
    ),
  ).toBeUndefined();
  expect(
    samplesUntilFull(
      series((at) => (at % 2 === 0 ? 1 : 8)),
      10,
    ),
  ).toBeUndefined();
  expect(samplesUntilFull([1, 2, 3], 10)).toBeUndefined();
  expect(samplesUntilFull([], 10)).toBeUndefined();
});
