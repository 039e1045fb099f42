/** Many deadlines behind one timer. */
import { type FakeClock, fakeClock } from '@org/core/testing';
import * as fc from 'fast-check';

import { type Deadline, Deadlines } from '../src/deadlines.ts';

interface Named extends Deadline {
  readonly name: number;
}

function make(clock: FakeClock) {
  const due: { name: number; atMs: number }[] = [];
  const deadlines = new Deadlines<Named>(clock, ({ name }) => {
    due.push({ name, atMs: clock.monotonicMs() });
  });
  const add = (name: number, timeMs: number): Named => {
    const one: Named = {
      name,
      timeMs,
      dueMs: clock.monotonicMs() + timeMs,
      lane: undefined,
      before: undefined,
      behind: undefined,
    };
    deadlines.add(one);
    return one;
  };
  return { due, deadlines, add };
}

test('of any adding, removing and waiting, each that was not removed is due once, at its time, in order', () => {
  const step = fc.oneof(
    fc.record({ add: fc.integer({ min: 1, max: 50 }) }),
    fc.record({ wait: fc.integer({ min: 0, max: 30 }) }),
    fc.record({ remove: fc.nat({ max: 30 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const clock = fakeClock();
      const { due, deadlines, add } = make(clock);
      const all: Named[] = [];
      const removed = new Set<number>();
      for (const one of steps) {
        if ('add' in one) all.push(add(all.length, one.add));
        else if ('wait' in one) clock.advance(one.wait);
        else if (one.remove < all.length) {
          const target = all[one.remove]!;
          if (target.lane !== undefined) removed.add(target.name);
          deadlines.remove(target);
        }
        // One timer at the most, however many wait.
        expect(clock.pending).toBeLessThanOrEqual(1);
        expect(deadlines.size).toBe(all.length - removed.size - due.length);
      }
      clock.advance(100);
      const expected = all.filter(({ name }) => !removed.has(name));
      expect(new Set(due.map(({ name }) => name))).toEqual(
        new Set(expected.map(({ name }) => name)),
      );
      expect(due).toHaveLength(expected.length);
      for (const { name, atMs } of due) expect(atMs).toBe(all[name]!.dueMs);
      expect(clock.pending).toBe(0);
    }),
  );
});

test('one that comes late takes its place among those that were due before', () => {
  const clock = fakeClock();
  const { due, deadlines, add } = make(clock);
  add(0, 100);
  const late = add(1, 100);
  deadlines.remove(late);
  late.dueMs = 40;
  deadlines.add(late);
  clock.advance(100);
  expect(due).toEqual([
    { name: 1, atMs: 40 },
    { name: 0, atMs: 100 },
  ]);
});

test('clear leaves no timer and nobody to be told', () => {
  const clock = fakeClock();
  const { due, deadlines, add } = make(clock);
  add(0, 10);
  add(1, 20);
  deadlines.clear();
  expect([clock.pending, deadlines.size]).toEqual([0, 0]);
  clock.advance(100);
  expect(due).toEqual([]);
});
