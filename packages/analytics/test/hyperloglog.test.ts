import * as fc from 'fast-check';

import { HyperLogLog, STANDARD_ERROR } from '../src/hyperloglog.ts';
import { seeded } from './random.ts';

function counterOf(different: number, seed: number): HyperLogLog {
  const counter = new HyperLogLog();
  const random = seeded(seed);
  for (let at = 0; at < different; at++) counter.add(random(), random());
  return counter;
}

describe('HyperLogLog++', () => {
  test('has counted nobody at first', () => {
    expect(new HyperLogLog().estimate()).toEqual({
      value: 0,
      atLeast: 0,
      atMost: 0,
      confidence: 0.95,
    });
  });

  test('is as good as exact while it is sparse', () => {
    for (const different of [1, 2, 5, 50, 255, 256]) {
      expect(counterOf(different, different).estimate().value).toBe(different);
    }
  });

  test.each([300, 1000, 3000, 10_000, 50_000, 200_000])(
    'of %d has the error that it states, over seeds',
    (different) => {
      const seeds = Math.min(100, 600_000 / different);
      let squares = 0;
      let sum = 0;
      let within = 0;
      for (let seed = 1; seed <= seeds; seed++) {
        const { value, atLeast, atMost } = counterOf(different, seed * 7919).estimate();
        const error = value / different - 1;
        squares += error ** 2;
        sum += error;
        if (atLeast <= different && different <= atMost) within++;
      }
      const spread = Math.sqrt(squares / seeds);
      // Chance spreads the spread itself by 1 / √(2·seeds); seeds are fixed, so that this is no chance.
      expect(spread).toBeLessThan(STANDARD_ERROR * (1 + 3 / Math.sqrt(2 * seeds)));
      // No bias: the mean is within three of its own deviations.
      expect(Math.abs(sum / seeds)).toBeLessThan((3 * STANDARD_ERROR) / Math.sqrt(seeds));
      expect(within / seeds).toBeGreaterThanOrEqual(0.88);
    },
  );

  test('merged is the counter of all that were counted, whoever counted them, in any order', () => {
    const hash = fc.tuple(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 0, max: 40 }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.array(hash, { maxLength: 400 }), { minLength: 1, maxLength: 5 }),
        (parts) => {
          const whole = new HyperLogLog();
          const merged = new HyperLogLog();
          const backwards = new HyperLogLog();
          const counters = parts.map((part) => {
            const counter = new HyperLogLog();
            for (const [high, low] of part) {
              whole.add(high, low);
              counter.add(high, low);
            }
            return counter;
          });
          for (const counter of counters) merged.merge(counter.encode());
          for (const counter of counters.toReversed()) backwards.merge(counter.encode());
          expect(merged.estimate()).toEqual(whole.estimate());
          expect(backwards.estimate()).toEqual(whole.estimate());
          // Twice changes nothing.
          for (const counter of counters) merged.merge(counter.encode());
          expect(merged.estimate()).toEqual(whole.estimate());
        },
      ),
    );
  });

  test('merges what is sparse with what is not, either way round', () => {
    const [few, many] = [counterOf(100, 1), counterOf(5000, 2)];
    const whole = counterOf(100, 1);
    const random = seeded(2);
    for (let at = 0; at < 5000; at++) whole.add(random(), random());
    const intoFew = new HyperLogLog();
    intoFew.merge(few.encode());
    intoFew.merge(many.encode());
    const intoMany = new HyperLogLog();
    intoMany.merge(many.encode());
    intoMany.merge(few.encode());
    expect(intoFew.estimate()).toEqual(whole.estimate());
    expect(intoMany.estimate()).toEqual(whole.estimate());
    expect(intoMany.encode()).toBe(whole.encode());
  });

  test('takes 2 KB, however many there are', () => {
    expect(counterOf(100_000, 3).encode().length).toBe(counterOf(1000, 4).encode().length);
    expect(counterOf(100_000, 3).encode().length).toBeLessThan(2800);
  });

  test('takes hashes without any bits, and with all of them', () => {
    const counter = new HyperLogLog();
    counter.add(0, 0);
    counter.add(2 ** 32 - 1, 2 ** 32 - 1);
    for (let at = 0; at < 300; at++) counter.add(at << 7, 0);
    expect(counter.estimate().value).toBeGreaterThan(0);
  });
});
