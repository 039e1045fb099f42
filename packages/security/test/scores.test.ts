import { array, assert as check, integer, property, tuple } from 'fast-check';
import { Scores } from '../src/scores.ts';

const WINDOW_MS = 100;
const steps = array(tuple(integer({ min: 0, max: 130 }), integer({ min: 1, max: 5 })), {
  minLength: 1,
  maxLength: 30,
});

test('counts in full what came within a window of the first, and nothing older than two', () => {
  check(
    property(steps, (given) => {
      const scores = new Scores(WINDOW_MS, 10);
      const noted: { readonly atMs: number; readonly points: number }[] = [];
      let nowMs = 0;
      for (const [laterMs, points] of given) {
        nowMs += laterMs;
        noted.push({ atMs: nowMs, points });
        const since = (ageMs: number): number =>
          noted.reduce((sum, one) => (nowMs - one.atMs < ageMs ? sum + one.points : sum), 0);
        const score = scores.add('somebody', points, nowMs);
        const all = since(Number.POSITIVE_INFINITY);
        expect(score).toBeGreaterThanOrEqual(points);
        expect(score).toBeLessThanOrEqual(since(2 * WINDOW_MS));
        expect(nowMs - noted[0]!.atMs < WINDOW_MS ? score : all).toBe(all);
      }
    }),
  );
});

test('fades evenly over the window after', () => {
  const faded = [0, 25, 50, 75, 99].map((laterMs) => {
    const scores = new Scores(WINDOW_MS, 10);
    scores.add('somebody', 100, 0);
    return scores.add('somebody', 0, WINDOW_MS + laterMs);
  });
  expect(faded).toEqual([100, 75, 50, 25, expect.closeTo(1)]);
});

test('of one say nothing of another, and go when they are forgotten', () => {
  const scores = new Scores(WINDOW_MS, 2);
  expect(scores.add('a', 3, 0)).toBe(3);
  expect(scores.add('b', 1, 0)).toBe(1);
  scores.forget('a');
  expect(scores.add('a', 1, 0)).toBe(1);
  // A third takes the place of the one noted least recently.
  expect(scores.add('c', 1, 0)).toBe(1);
  expect(scores.size).toBe(2);
  expect(scores.add('a', 1, 0)).toBe(2);
  expect(scores.add('b', 1, 0)).toBe(1);
});
