/** What `Accept` says of versions, by the grammar of RFC 9110 §12.5.1 and whatever is sent instead. */
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';

import { acceptReader } from '../src/media-type.ts';

const read = acceptReader('version', 'acme');

test.each<[string, string | undefined]>([
  ['application/json;version=2', '2'],
  ['application/json ; version=2', '2'],
  ['application/json;\tversion="2"', '2'],
  ['application/json;version="2\\"x"', '2"x'],
  // Names of parameters and types have no case (§5.6.6, §8.3.1).
  ['application/JSON;VERSION=2', '2'],
  ['Application/Vnd.Acme.V2+Json', '2'],
  ['application/vnd.acme.2026-11-01+json', '2026-11-01'],
  ['application/vnd.acme.v2', '2'],
  ['application/vnd.acme.v2+json;version=2', '2'],
  ['application/vnd.acme.cities+json', undefined],
  ['application/vnd.other.v2+json', undefined],
  ['application/json;conversion=2', undefined],
  ['application/json;note="a;version=2"', undefined],
  ['application/json;note="a, b/c;version=2";version=3', '3'],
  ['application/json;;version=2;', '2'],
  [', application/json;version=2,,', '2'],
  ['', undefined],
])('%s says %s', (accept, version) => {
  expect(read(accept)).toBe(version);
});

test.each<[string, string | undefined]>([
  ['a/b;version=1;q=0.5, a/b;version=2', '2'],
  ['a/b;version=1, a/b;version=2;q=0.999', '1'],
  ['a/b;q=0.3;version=1, a/b;q=0.4;version=2, a/b;q=0.1;version=3', '2'],
  // A range without a version has a weight of its own.
  ['a/b;version=1;q=0.1, */*;q=0.8', '1'],
  // 0 says what is not wanted.
  ['a/b;version=1;q=0, a/b;version=2;q=0.000', undefined],
  ['a/b;version=1;q=0, a/b;version=2;q=0.1', '2'],
  ['a/b;version=1, a/c;version=1', '1'],
  ['a/b;version=1, a/c;version=2', '1, 2'],
  // What is no weight makes no list of media ranges.
  ['a/b;version=1;q=2', undefined],
  ['a/b;version=1;q=', undefined],
  ['a/b;version=1;q=0.1234', undefined],
])('by weight (§12.4.2), %s says %s', (accept, version) => {
  expect(read(accept)).toBe(version);
});

/** Ends what would not end by itself, so that a test fails rather than hangs. */
function readWithin(accept: string): unknown {
  return runInNewContext('read(accept)', { read, accept }, { timeout: 10_000 });
}

test.each([
  ['empty parameters between blanks', (count: number) => `a/b${';   '.repeat(count)}version=(`],
  ['parameters without an end', (count: number) => `a/b${'; version=1 '.repeat(count)}(`],
  ['escapes without an end', (count: number) => `a/b;version="${'\\"'.repeat(count)}`],
  ['commas without an end', (count: number) => `${' ,\t'.repeat(count)}(;version=1`],
  ['ranges without an end', (count: number) => `${'a/b;version=1,'.repeat(count)}(`],
])('%s are read in time that grows with their length', (_name, make) => {
  for (const count of [10, 40, 100, 500]) expect(readWithin(make(count))).toBeUndefined();
});

test('whatever is sent, reading it neither throws nor goes on', () => {
  const piece = fc.constantFrom(
    'a/b',
    ';',
    ',',
    ' ',
    '\t',
    '"',
    '\\',
    '=',
    'version',
    'version=1',
    'q=',
    '0.5',
    'application/vnd.acme.v1',
    '(',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 200 }), (pieces) => {
      const found = readWithin(pieces.join(''));
      expect(found === undefined || typeof found === 'string').toBe(true);
    }),
  );
});

test('a list of ranges gives back what was put in, wherever blanks may stand', () => {
  const blank = fc.constantFrom('', ' ', '\t ');
  const token = fc.stringMatching(/^[a-z0-9.-]{1,8}$/);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(blank, token, blank), { minLength: 1, maxLength: 9 }),
      (ranges) => {
        const accept = ranges
          .map(([before, version, behind]) => `a/b${before};${behind}version=${version}${before}`)
          .join(',');
        expect(read(accept)).toBe([...new Set(ranges.map(([, version]) => version))].join(', '));
      },
    ),
  );
});
