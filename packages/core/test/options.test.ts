import * as fc from 'fast-check';

import {
  boolean,
  bytes,
  defineComponent,
  durationMs,
  either,
  func,
  integer,
  listOf,
  nearest,
  oneOf,
  OptionError,
  PHASE_REASONS,
  PHASES,
  ratio,
  recordOf,
  resolveOptions,
  shape,
  text,
} from '@org/core';
import { fakeClock } from '@org/core/testing';

interface Example {
  readonly ttlMs: number;
  readonly mode: 'fast' | 'safe';
  readonly onHit: (() => void) | undefined;
}
const DEFAULTS: Example = Object.freeze({ ttlMs: 1000, mode: 'safe', onHit: undefined });
const CHECKS = {
  ttlMs: durationMs({ min: 1 }),
  mode: oneOf('fast', 'safe'),
  onHit: func<() => void>(),
};
const resolve = (given?: object): Example => resolveOptions('example', DEFAULTS, CHECKS, given);

describe('options', () => {
  test('that are absent, empty or undefined are the defaults', () => {
    for (const given of [undefined, {}, { ttlMs: undefined, mode: undefined }]) {
      expect(resolve(given)).toEqual(DEFAULTS);
    }
  });

  test('are given back frozen, and the caller’s own stay as they were', () => {
    const given = { ttlMs: 5 };
    const resolved = resolve(given);
    expect(resolved).toEqual({ ...DEFAULTS, ttlMs: 5 });
    expect(Object.isFrozen(resolved)).toBe(true);
    expect(given).toEqual({ ttlMs: 5 });
  });

  test('that are wrong are named all at once, with value and expectation', () => {
    expect(() => resolve({ ttlMs: '5m', mode: 'fats', onHit: 3, ttlMS: 1 })).toThrow(
      new OptionError('example', [
        'option "ttlMs" must be a duration in ms, at least 1 and at most 2147483647, but is "5m".',
        'option "mode" must be one of "fast", "safe", but is "fats".',
        'option "onHit" must be a function, but is 3.',
        'option "ttlMS" is unknown; did you mean "ttlMs"?',
      ]),
    );
    expect(() => resolve([])).toThrow('options must be an object, but are an array of 0.');
    expect(() => resolve({ colour: 1 })).toThrow(
      'option "colour" is unknown; there are ttlMs, mode, onHit.',
    );
  });

  test('never show a long or nested value', () => {
    expect(() => resolve({ ttlMs: { password: 'secret' } })).toThrow('an object with password');
    expect(() => resolve({ ttlMs: 'x'.repeat(5000) })).toThrow(/^.{0,250}$/);
  });

  test.each([
    [durationMs(), [0, 1.5, 2 ** 31 - 1], [-1, 2 ** 31, Number.NaN, '1', Infinity]],
    [bytes(), [0, 1024], [1.5, -1, '1kb']],
    [ratio(), [0, 0.5, 1], [1.1, -0.1]],
    [ratio({ above: 0 }), [Number.MIN_VALUE, 1], [0, 1.1]],
    [integer({ min: -5 }), [-5, 0], [-6, 0.5]],
    [boolean(), [true, false], ['true', 0, null]],
    [text(), ['', 'a'], [1, null]],
    [text({ expected: 'a name', pattern: /^[a-z]+$/ }), ['abc'], ['A', '']],
    [listOf(text()), [[], ['a']], ['a', [1]]],
    [recordOf(integer()), [{}, { a: 1 }], [[], { a: 'b' }, null]],
    [shape<{ get(): void }>('a store', ['get']), [{ get() {} }], [{}, null, 'get']],
    [either(text(), oneOf(false)), ['a', false], [true, 1]],
  ])('of %o are checked', (check, good, bad) => {
    for (const value of good as unknown[])
      expect([value, check.accepts(value)]).toEqual([value, true]);
    for (const value of bad as unknown[])
      expect([value, check.accepts(value)]).toEqual([value, false]);
  });
});

describe('a suggestion', () => {
  test.each([
    ['CACHE_TLL', 'CACHE_TTL'],
    ['cache_ttl', 'CACHE_TTL'],
    ['prot', 'PORT'],
    ['something else entirely', undefined],
  ])('for %s is %s', (name, expected) => {
    expect(nearest(name, ['CACHE_TTL', 'PORT', 'LOG_LEVEL'])).toBe(expected);
  });

  test('finds a known name by itself, whatever it is', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1 }), (names) => {
        const [wanted] = names;
        const same = names.filter((name) => name.toLowerCase() === wanted!.toLowerCase());
        expect(same).toContain(nearest(wanted!, names));
      }),
    );
  });
});

describe('the phases', () => {
  test('are ten, in their order, each with its reason', () => {
    expect(PHASES.join(' ')).toBe(
      'edge context observe protect shape reuse admit read session recover',
    );
    expect(Object.values(PHASE_REASONS).every((reason) => reason.length > 10)).toBe(true);
  });
});

describe('a component', () => {
  test('gets its name and keeps its life', () => {
    const made = defineComponent('pool', { stats: () => ({ open: 1 }) });
    expect([made.name, made.stats()]).toEqual(['pool', { open: 1 }]);
  });
});

describe('the fake clock', () => {
  test('runs what falls due, in order, and nothing that was cancelled', () => {
    const clock = fakeClock();
    const log: string[] = [];
    clock.after(30, () => log.push(`after at ${clock.monotonicMs()}`));
    const stop = clock.every(20, () => log.push(`every at ${clock.monotonicMs()}`));
    clock.after(5, () => log.push('never'))();
    clock.advance(45);
    stop();
    clock.advance(100);
    expect(log).toEqual(['every at 20', 'after at 30', 'every at 40']);
    expect(clock.pending).toBe(0);
  });
});
