import { assert, double, property, string } from 'fast-check';

import { boundingBox, EARTH_RADIUS_KM } from '../src/great-circle.ts';
import { searchName } from '../src/search-name.ts';

/** Degrees that an arc sine loses near a pole; 0.1 m. */
const ROUNDING = 1e-6;

describe('the bounding box', () => {
  test('holds every point within the radius, anywhere on the globe', () => {
    assert(
      property(
        double({ min: -90, max: 90, noNaN: true }),
        double({ min: -180, max: 180, noNaN: true }),
        double({ min: 0.001, max: 500, noNaN: true }),
        double({ min: 0, max: 360, noNaN: true }),
        double({ min: 0, max: 0.999, noNaN: true }),
        (latitude, longitude, radiusKm, bearing, share) => {
          const point = travel(latitude, longitude, bearing, radiusKm * share);
          const box = boundingBox(latitude, longitude, radiusKm);
          expect(point.latitude).toBeGreaterThanOrEqual(box.latitudes.from - ROUNDING);
          expect(point.latitude).toBeLessThanOrEqual(box.latitudes.to + ROUNDING);
          expect(
            box.longitudes.some(
              ({ from, to }) =>
                from <= point.longitude + ROUNDING && point.longitude - ROUNDING <= to,
            ),
          ).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('is small where it can be', () => {
    const { latitudes, longitudes } = boundingBox(48.85, 2.35, 50);
    expect(latitudes.to - latitudes.from).toBeCloseTo(0.9, 1);
    expect(longitudes).toHaveLength(1);
    expect(longitudes[0]!.to - longitudes[0]!.from).toBeCloseTo(1.37, 1);
  });

  test('has two ranges across the 180th meridian, and all longitudes at a pole', () => {
    expect(boundingBox(-17, 179.9, 50).longitudes).toHaveLength(2);
    expect(boundingBox(-17, -179.9, 50).longitudes).toHaveLength(2);
    expect(boundingBox(89.9, 0, 50).longitudes).toEqual([{ from: -180, to: 180 }]);
  });
});

describe('a name to search by', () => {
  test.each([
    ['São Paulo', 'sao paulo'],
    ['Łódź', 'lodz'],
    ['Straße', 'strasse'],
    ['ISTANBUL', 'istanbul'],
    ['İzmir', 'izmir'],
    ['Ærøskøbing', 'aeroskobing'],
    ['東京', '東京'],
  ])('makes %s into %s', (name, expected) => {
    expect(searchName(name)).toBe(expected);
  });

  test('does not change when it is made again', () => {
    assert(
      property(string({ unit: 'grapheme' }), (name) => {
        expect(searchName(searchName(name))).toBe(searchName(name));
      }),
    );
  });
});

/** Where one arrives who leaves a point in a direction and goes straight on. */
function travel(
  latitude: number,
  longitude: number,
  bearing: number,
  distanceKm: number,
): { latitude: number; longitude: number } {
  const [phi, lambda, theta] = [latitude, longitude, bearing].map((d) => (d * Math.PI) / 180) as [
    number,
    number,
    number,
  ];
  const delta = distanceKm / EARTH_RADIUS_KM;
  const sine = Math.sin(phi) * Math.cos(delta) + Math.cos(phi) * Math.sin(delta) * Math.cos(theta);
  const end = Math.asin(Math.max(-1, Math.min(1, sine)));
  const turned =
    lambda +
    Math.atan2(
      Math.sin(theta) * Math.sin(delta) * Math.cos(phi),
      Math.cos(delta) - Math.sin(phi) * Math.sin(end),
    );
  const degrees = (turned * 180) / Math.PI;
  return { latitude: (end * 180) / Math.PI, longitude: ((degrees + 540) % 360) - 180 };
}
