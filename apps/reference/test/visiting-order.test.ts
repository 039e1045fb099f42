import { assert, array, double, property, record } from 'fast-check';

import { distanceKm, EARTH_RADIUS_KM, type Point } from '../src/great-circle.ts';
import { lengthKm, visitingOrder, type VisitingOrder } from '../src/trips/visiting-order.ts';

const point = record({
  latitude: double({ min: -90, max: 90, noNaN: true }),
  longitude: double({ min: -180, max: 180, noNaN: true }),
});

/** All that it tells on the way, the last of it found. */
function steps(places: readonly Point[]): VisitingOrder[] {
  const told: VisitingOrder[] = [];
  const search = visitingOrder(places);
  for (;;) {
    const { value, done } = search.next();
    told.push({ ...value, order: [...value.order] });
    if (done === true) return told;
  }
}

describe('great-circle distances', () => {
  test('are those of a sphere', () => {
    const pole = { latitude: 90, longitude: 0 };
    const quarter = (Math.PI / 2) * EARTH_RADIUS_KM;
    expect(distanceKm(pole, { latitude: 0, longitude: 123 })).toBeCloseTo(quarter, 6);
    expect(
      distanceKm({ latitude: 0, longitude: 179 }, { latitude: 0, longitude: -179 }),
    ).toBeCloseTo((2 * quarter) / 90, 6);
    assert(
      property(point, point, (one, other) => {
        expect(distanceKm(one, other)).toBeCloseTo(distanceKm(other, one), 6);
        expect(distanceKm(one, other)).toBeLessThanOrEqual(2 * quarter + 1e-6);
        expect(distanceKm(one, one)).toBe(0);
      }),
    );
  });
});

describe('a visiting order', () => {
  test('has each place once, the first one first, and gets shorter step by step', () => {
    assert(
      property(array(point, { maxLength: 12 }), (places) => {
        const told = steps(places);
        const { order, lengthKm: found } = told.at(-1)!;
        expect(order.toSorted((one, other) => one - other)).toEqual([...places.keys()]);
        expect(order[0] ?? 0).toBe(0);
        expect(found).toBeCloseTo(lengthKm(order.map((at) => places[at]!)), 6);
        for (const [at, step] of told.slice(1).entries()) {
          expect(step.lengthKm).toBeLessThanOrEqual(told[at]!.lengthKm + 1e-6);
        }
      }),
    );
  });

  test('goes along a line as a line goes', () => {
    const line = [0, 40, 10, 30, 20, 50].map((longitude) => ({ latitude: 0, longitude }));
    const { order } = steps(line).at(-1)!;
    expect(order.map((at) => line[at]!.longitude)).toEqual([0, 10, 20, 30, 40, 50]);
  });

  test('is close to the best there is, where that can be found', () => {
    assert(
      property(array(point, { minLength: 2, maxLength: 6 }), (places) => {
        const best = Math.min(
          ...orders(places.slice(1)).map((rest) => lengthKm([places[0]!, ...rest])),
        );
        // 2-opt over paths: seldom more than a third above, never twice.
        expect(steps(places).at(-1)!.lengthKm).toBeLessThanOrEqual(2 * best + 1e-6);
      }),
    );
  });
});

function orders<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, at) => orders(items.toSpliced(at, 1)).map((rest) => [item, ...rest]));
}
