import * as fc from 'fast-check';

import { SpaceSaving } from '../src/space-saving.ts';

/** Few names come up often, and many of them seldom. */
const names = fc.array(
  fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean()).map(([chance, failed]) => ({
    name: `c${Math.floor(60 * chance ** 3)}`,
    failed,
  })),
  { maxLength: 600 },
);
type Asked = readonly { readonly name: string; readonly failed: boolean }[];

function truthOf(asked: Asked): Map<string, { count: number; failures: number }> {
  const truth = new Map<string, { count: number; failures: number }>();
  for (const { name, failed } of asked) {
    const { count, failures } = truth.get(name) ?? { count: 0, failures: 0 };
    truth.set(name, { count: count + 1, failures: failures + Number(failed) });
  }
  return truth;
}

function summaryOf(asked: Asked, capacity: number): SpaceSaving {
  const summary = new SpaceSaving(capacity);
  for (const { name, failed } of asked) summary.add(name, failed);
  return summary;
}

/** Whatever a summary promises of what it has seen, and does not keep. */
function broken(summary: SpaceSaving, asked: Asked, capacity: number): readonly string[] {
  const truth = truthOf(asked);
  const bound = asked.length / capacity;
  const hitters = summary.hitters();
  const watched = new Set(hitters.map(({ key }) => key));
  const promises: [string, boolean][] = [
    ['the total', summary.total === asked.length],
    ['its room', hitters.length <= capacity],
    ['the bound of whom it does not watch', summary.unwatched <= bound],
  ];
  for (const { key, count, over, failures } of hitters) {
    const real = truth.get(key) ?? { count: 0, failures: 0 };
    promises.push(
      [`the bound of ${key}`, over <= bound],
      [`no undercount of ${key}`, count >= real.count],
      [`at least ${key}`, count - over <= real.count],
      [`failures of ${key}`, failures <= real.failures && failures + over >= real.failures],
    );
  }
  for (const [name, { count }] of truth) {
    promises.push([`${name}, unwatched`, watched.has(name) || count <= summary.unwatched]);
  }
  return promises.filter(([, kept]) => !kept).map(([promise]) => promise);
}

describe('Space-Saving', () => {
  test('is exact while there is room', () => {
    const summary = summaryOf(
      [
        { name: 'a', failed: false },
        { name: 'b', failed: true },
        { name: 'a', failed: true },
      ],
      2,
    );
    expect(summary.hitters()).toEqual([
      expect.objectContaining({ key: 'a', count: 2, over: 0, failures: 1 }),
      expect.objectContaining({ key: 'b', count: 1, over: 0, failures: 1 }),
    ]);
    expect(summary.unwatched).toBe(0);
  });

  test('overcounts by no more than all additions / capacity, and never undercounts', () => {
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 40 }), (asked, capacity) => {
        expect(broken(summaryOf(asked, capacity), asked, capacity)).toEqual([]);
      }),
    );
  });

  test('finds everybody who made more than that share', () => {
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 40 }), (asked, capacity) => {
        const watched = new Set(
          summaryOf(asked, capacity)
            .hitters()
            .map(({ key }) => key),
        );
        const missed = [...truthOf(asked)]
          .filter(([name, { count }]) => count > asked.length / capacity && !watched.has(name))
          .map(([name]) => name);
        expect(missed).toEqual([]);
      }),
    );
  });

  test('keeps the same bound over any tree of merges, and goes on counting after them', () => {
    fc.assert(
      fc.property(
        fc.array(names, { minLength: 2, maxLength: 6 }),
        names,
        fc.integer({ min: 1, max: 30 }),
        fc.boolean(),
        (parts, more, capacity, inPairs) => {
          let summaries = parts.map((part) => summaryOf(part, capacity));
          while (summaries.length > 1) {
            const [one, other, ...rest] = summaries as [SpaceSaving, SpaceSaving];
            const merged = new SpaceSaving(capacity);
            merged.merge(one.state());
            merged.merge(other.state());
            summaries = inPairs ? [...rest, merged] : [merged, ...rest];
          }
          const [all] = summaries;
          expect(broken(all!, parts.flat(), capacity)).toEqual([]);
          for (const { name, failed } of more) all!.add(name, failed);
          expect(broken(all!, [...parts.flat(), ...more], capacity)).toEqual([]);
        },
      ),
    );
  });

  test('forgets whom it is told to, and keeps its promises to all others', () => {
    fc.assert(
      fc.property(names, names, fc.integer({ min: 1, max: 30 }), (asked, more, capacity) => {
        const summary = summaryOf(asked, capacity);
        const [first] = summary.hitters();
        fc.pre(first !== undefined);
        expect(summary.remove(first.key)).toBe(first.count);
        expect(summary.hitters().some(({ key }) => key === first.key)).toBe(false);
        const others = more.filter(({ name }) => name !== first.key);
        for (const { name, failed } of others) summary.add(name, failed);
        const truth = truthOf([...asked, ...others]);
        for (const { key, count, over } of summary.hitters()) {
          expect(count).toBeGreaterThanOrEqual(truth.get(key)!.count);
          expect(count - over).toBeLessThanOrEqual(truth.get(key)!.count);
        }
      }),
    );
  });

  test('answers nobody for a name that it does not know', () => {
    expect(new SpaceSaving(3).remove('x')).toBe(0);
  });
});
