/** Preconditions of GET and HEAD, and the tags that they compare (RFC 9110 §13, §8.8.3). */
import * as fc from 'fast-check';

import { etagsOf, ifRangeMatches, isNotModified, strongEqual, weakEqual } from '@org/core';

const NOW = Date.UTC(2026, 10, 24);
const MODIFIED = Date.UTC(1994, 10, 6, 8, 49, 37);
const DATE = 'Sun, 06 Nov 1994 08:49:37 GMT';
const LATER = 'Sun, 06 Nov 1994 08:49:38 GMT';
const EARLIER = 'Sun, 06 Nov 1994 08:49:36 GMT';

describe('entity-tags (§8.8.3)', () => {
  test.each([
    ['strong', '"a"', ['"a"']],
    ['weak', 'W/"a"', ['W/"a"']],
    ['empty', '""', ['""']],
    ['several', '"a", W/"b" ,\t"c","d"', ['"a"', 'W/"b"', '"c"', '"d"']],
    ['with empty members', ',, "a",, ,"b",', ['"a"', '"b"']],
    ['with a comma', '"a,b", "c"', ['"a,b"', '"c"']],
    ['with obs-text', '"\u00e4\u00ff"', ['"\u00e4\u00ff"']],
    ['with a backslash', '"a\\", "b"', ['"a\\"', '"b"']],
    ['that look like others', '"W/", "*"', ['"W/"', '"*"']],
    ['beside one without quotes', 'a, "b"', ['"b"']],
    ['beside one with a space', '"a b","c"', ['"c"']],
    ['beside one with a space and a comma', '"a ,b","c"', ['"c"']],
    ['beside a lower-case w', 'w/"a", "b"', ['"b"']],
    ['beside one that is cut off', 'W/, "b"', ['"b"']],
    ['beside two without a comma', '"a" "b", "c"', ['"c"']],
    ['beside junk before it', 'x"a", "b"', ['"b"']],
    ['beside a control character', '"a\u007f", "b"', ['"b"']],
    ['before junk with a tag in it', '"a", x"b"', ['"a"']],
    ['before a quote that is never closed', '"a", "b', ['"a"']],
    ['none in an empty field', '', []],
    ['none in a star', '*', []],
  ])('%s are read', (_name, field, tags) => {
    expect(etagsOf(field)).toEqual(tags);
  });

  test('come back from a list, whatever stands between them', () => {
    const tag = fc
      .tuple(
        fc.constantFrom('', 'W/'),
        fc.string({ unit: fc.constantFrom('!', '#', ',', 'W', '/', '\\', '\u00ff', 'a') }),
      )
      .map(([weak, text]) => `${weak}"${text}"`);
    const between = fc.constantFrom(',', ', ', ' ,\t', ',,', ', x ,', ', "a b",');
    fc.assert(
      fc.property(fc.array(tag), between, (tags, separator) => {
        expect(etagsOf(tags.join(separator))).toEqual(tags);
      }),
    );
  });

  test.each(['"', '"a', '" ', ',', 'a', ' ', '"a"', 'W/', '"a" '])(
    'a long row of %j is read in good time',
    (part) => {
      const field = part.repeat(200_000 / part.length);
      expect(etagsOf(field).length).toBeLessThan(field.length);
    },
  );

  test.each([
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', '"1"', true, true],
    ['"1"', '"2"', false, false],
  ])('§8.8.3.2: %s and %s: strong %s, weak %s', (one, other, strong, weak) => {
    expect([strongEqual(one, other), strongEqual(other, one)]).toEqual([strong, strong]);
    expect([weakEqual(one, other), weakEqual(other, one)]).toEqual([weak, weak]);
  });
});

describe('not modified', () => {
  const byTag = (field: string, etag: string | undefined = '"a"') =>
    isNotModified(field, undefined, etag, MODIFIED, NOW);
  const byDate = (field: string, at: number = MODIFIED) =>
    isNotModified(undefined, field, '"a"', at, NOW);

  test('is nothing without a condition', () => {
    expect(isNotModified(undefined, undefined, '"a"', MODIFIED, NOW)).toBe(false);
  });

  test('§13.1.2: If-None-Match compares weakly, with each of its members', () => {
    expect(byTag('"a"')).toBe(true);
    expect(byTag('W/"a"')).toBe(true);
    expect(byTag('"a"', 'W/"a"')).toBe(true);
    expect(byTag('"x", "y", "a"')).toBe(true);
    expect(byTag('"x", "y"')).toBe(false);
    expect(byTag('"A"')).toBe(false);
    expect(byTag('a')).toBe(false);
    expect(byTag('')).toBe(false);
  });

  test('§13.1.2: a star matches whatever is there, also without a tag', () => {
    expect(byTag('*')).toBe(true);
    expect(isNotModified(' * ', undefined, undefined, MODIFIED, NOW)).toBe(true);
    expect(byTag('"*"')).toBe(false);
    expect(byTag('*, "x"')).toBe(false);
    expect(isNotModified('"a"', undefined, undefined, MODIFIED, NOW)).toBe(false);
  });

  test('§13.1.3: If-Modified-Since compares seconds', () => {
    expect(byDate(DATE)).toBe(true);
    expect(byDate(LATER)).toBe(true);
    expect(byDate(EARLIER)).toBe(false);
    expect(byDate(DATE, MODIFIED + 999)).toBe(true);
    expect(byDate(DATE, MODIFIED + 1000)).toBe(false);
    expect(byDate('Sunday, 06-Nov-94 08:49:37 GMT')).toBe(true);
  });

  test.each(['', 'now', '2026-11-24', `${DATE}, ${DATE}`])(
    '§13.1.3: %j is no date, and is ignored',
    (field) => {
      expect(byDate(field)).toBe(false);
    },
  );

  test('§13.2.2: If-None-Match wins over If-Modified-Since', () => {
    expect(isNotModified('"x"', LATER, '"a"', MODIFIED, NOW)).toBe(false);
    expect(isNotModified('"a"', EARLIER, '"a"', MODIFIED, NOW)).toBe(true);
    expect(isNotModified('', LATER, '"a"', MODIFIED, NOW)).toBe(false);
  });
});

describe('If-Range (§13.1.5)', () => {
  const matches = (
    ifRange: string,
    etag: string | undefined = '"a"',
    lastModified: string | undefined = DATE,
    dateAt: number = NOW,
  ) => ifRangeMatches(ifRange, etag, lastModified, dateAt, NOW);

  test('compares a tag strongly', () => {
    expect(matches('"a"')).toBe(true);
    expect(matches('"b"')).toBe(false);
    expect(matches('W/"a"')).toBe(false);
    expect(matches('W/"a"', 'W/"a"')).toBe(false);
    expect(matches('"a"', 'W/"a"')).toBe(false);
    expect(ifRangeMatches('"a"', undefined, DATE, NOW, NOW)).toBe(false);
    expect(matches('a', 'a')).toBe(false);
  });

  test('takes a date only as it stands in Last-Modified', () => {
    expect(matches(DATE)).toBe(true);
    expect(matches(LATER)).toBe(false);
    expect(matches(EARLIER)).toBe(false);
    expect(matches('Sunday, 06-Nov-94 08:49:37 GMT')).toBe(false);
    expect(ifRangeMatches(DATE, '"a"', undefined, NOW, NOW)).toBe(false);
    expect(matches('yesterday', '"a"', 'yesterday')).toBe(false);
  });

  test('§8.8.2.2: takes a date only where it is a second older than Date', () => {
    expect(matches(DATE, '"a"', DATE, MODIFIED + 1000)).toBe(true);
    expect(matches(DATE, '"a"', DATE, MODIFIED + 999)).toBe(false);
    expect(matches(DATE, '"a"', DATE, MODIFIED)).toBe(false);
  });
});
