/** Stamps and marks: what an invalidation reaches, and what is safe when it is forgotten. */
import * as fc from 'fast-check';

import { Invalidations, type Standing } from '../src/invalidations.ts';

describe('an invalidation', () => {
  test('reaches what was asked for before it and has its tag, and nothing else', () => {
    const invalidations = new Invalidations();
    const before = invalidations.epoch;
    invalidations.mark(['a'], false);
    expect(invalidations.standing(['a'], before)).toBe('hard');
    expect(invalidations.standing(['x', 'a'], before)).toBe('hard');
    expect(invalidations.standing(['b'], before)).toBe('good');
    expect(invalidations.standing([], before)).toBe('good');
    expect(invalidations.standing(['a'], invalidations.epoch)).toBe('good');
  });

  test('counts one more each time, whatever it is about', () => {
    const invalidations = new Invalidations();
    const seen = [invalidations.epoch];
    invalidations.mark(['a', 'b'], false);
    seen.push(invalidations.epoch);
    invalidations.mark(['a'], true);
    seen.push(invalidations.epoch);
    invalidations.markAll();
    seen.push(invalidations.epoch);
    expect(new Set(seen).size).toBe(4);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  test('that is soft does not undo one that is hard, and the other way round', () => {
    const invalidations = new Invalidations();
    const first = invalidations.epoch;
    invalidations.mark(['a'], false);
    const second = invalidations.epoch;
    invalidations.mark(['a'], true);
    const third = invalidations.epoch;
    invalidations.mark(['b'], true);
    invalidations.mark(['b'], false);
    expect(invalidations.standing(['a'], first)).toBe('hard');
    expect(invalidations.standing(['a'], second)).toBe('soft');
    expect(invalidations.standing(['a'], third)).toBe('good');
    expect(invalidations.standing(['b'], third)).toBe('hard');
  });

  test('that is hard outweighs one that is soft, whichever tag comes first', () => {
    const invalidations = new Invalidations();
    invalidations.mark(['soft'], true);
    invalidations.mark(['hard'], false);
    expect(invalidations.standing(['soft', 'hard'], 0)).toBe('hard');
    expect(invalidations.standing(['hard', 'soft'], 0)).toBe('hard');
  });

  test('of everything reaches all from before, tagged or not', () => {
    const invalidations = new Invalidations();
    invalidations.mark(['a'], true);
    const before = invalidations.epoch;
    invalidations.markAll();
    expect(invalidations.standing([], before)).toBe('hard');
    expect(invalidations.standing(['a'], before)).toBe('hard');
    expect(invalidations.standing(['a'], invalidations.epoch)).toBe('good');
  });
});

describe('forgetting', () => {
  const MANY = Array.from({ length: 50_001 }, (_, n) => `tag ${n}`);

  test('is safe: what was forgotten counts against all that is older, and nothing that is newer', () => {
    const invalidations = new Invalidations();
    invalidations.mark(['first'], true);
    const between = invalidations.epoch;
    for (const tag of MANY) invalidations.mark([tag], false);
    expect(invalidations.standing(['first'], 0)).toBe('hard');
    expect(invalidations.standing([], 0)).toBe('hard');
    expect(invalidations.standing(['first'], between)).toBe('hard');
    const after = invalidations.epoch;
    expect(invalidations.standing(['first', ...MANY.slice(0, 3)], after)).toBe('good');
    // The latest are remembered one by one.
    expect(invalidations.standing([MANY.at(-1)!], after - 1)).toBe('hard');
    expect(invalidations.standing([MANY.at(-2)!], after - 1)).toBe('good');
  });

  test('is safe within one call with more tags than are remembered', () => {
    const invalidations = new Invalidations();
    invalidations.mark(MANY, true);
    for (const tag of [MANY[0]!, MANY.at(-1)!]) {
      expect(invalidations.standing([tag], 0)).not.toBe('good');
      expect(invalidations.standing([tag], invalidations.epoch)).toBe('good');
    }
  });
});

test('any course of events: the standing is that of the whole history', () => {
  const tag = fc.constantFrom('a', 'b', 'c');
  const event = fc.oneof(
    { weight: 5, arbitrary: fc.record({ tags: fc.uniqueArray(tag), soft: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constant('all' as const) },
  );
  fc.assert(
    fc.property(fc.array(event), fc.uniqueArray(tag), fc.nat(20), (events, tags, asked) => {
      const invalidations = new Invalidations();
      let stamp = 0;
      let expected = 'good' as Standing;
      for (const [at, one] of events.entries()) {
        if (at === asked) {
          stamp = invalidations.epoch;
          expected = 'good';
        }
        if (one === 'all') invalidations.markAll();
        else invalidations.mark(one.tags, one.soft);
        if (one === 'all') expected = 'hard';
        else if (one.tags.some((name) => tags.includes(name))) {
          expected = one.soft && expected !== 'hard' ? 'soft' : 'hard';
        }
      }
      expect(invalidations.standing(tags, stamp)).toBe(expected);
    }),
  );
});
