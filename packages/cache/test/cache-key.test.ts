/** Keys: addresses that mean the same have one, and no others do (RFC 3986 §6.2.2). */
import * as fc from 'fast-check';

import { type KeyOptions, makeKeyOf } from '../src/cache-key.ts';

const ORIGIN = 'http://x';
const DEFAULTS: KeyOptions = { ignoreQuery: [], sortQuery: true, maxKeyLength: 2048 };
const keyOf = (url: string, options: Partial<KeyOptions> = {}) =>
  makeKeyOf({ ...DEFAULTS, ...options })(ORIGIN, url)?.slice(ORIGIN.length);

test('is origin, path and query', () => {
  expect(makeKeyOf(DEFAULTS)('https://a:8', '/b/c?d=e')).toBe('https://a:8/b/c?d=e');
  expect(makeKeyOf(DEFAULTS)('https://a:8', '/b/c')).toBe('https://a:8/b/c');
});

test.each([
  ['an empty query', '/a?', '/a'],
  ['a fragment', '/a#b', '/a'],
  ['a fragment with a query in it', '/a#b?c', '/a'],
  ['a fragment behind a query', '/a?b#c', '/a?b'],
  ['lower-case hex (§6.2.2.1)', '/%c3%a4?%c3%a4=%2f', '/%C3%A4?%C3%A4=%2F'],
  ['coded unreserved characters (§6.2.2.2)', '/%61%5A%30%2d%2E%5f%7e', '/aZ0-._~'],
  ['coded unreserved characters in a query', '/?%61=%62', '/?a=b'],
  ['coded reserved characters', '/%2f%3f%23%26%3d', '/%2F%3F%23%26%3D'],
  ['a coded percent sign', '/%2561', '/%2561'],
  ['plus and a coded space', '/+%20?a=b+c%20d', '/+%20?a=b+c%20d'],
  ['dot segments and case', '/A/./b/../c//D', '/A/./b/../c//D'],
  ['names out of order', '/?b=1&a=2&c', '/?a=2&b=1&c'],
  ['names that are coded', '/?%62=1&a=2', '/?a=2&b=1'],
  ['equal names', '/?b=2&a&b=1&b', '/?a&b=2&b=1&b'],
  ['no names', '/?b&=1&&a', '/?=1&&a&b'],
  ['another question mark', '/?b?&a', '/?a&b?'],
  ['stray percent signs', '/%?b=%zz&a=%6', '/%?a=%6&b=%zz'],
  ['bytes that are no UTF-8', '/?b=%ff&%ff=1', '/?%FF=1&b=%FF'],
])('with %s, of %s, is %s', (_name, url, key) => {
  expect(keyOf(url)).toBe(key);
});

test('keeps the order of parameters where it is of account', () => {
  expect(keyOf('/?b=1&%61=2', { sortQuery: false })).toBe('/?b=1&a=2');
  const ignoring = { sortQuery: false, ignoreQuery: ['c'] };
  expect(keyOf('/?b=1&c&a=2', ignoring)).toBe('/?b=1&a=2');
});

test('leaves out what is ignored, by name and by prefix', () => {
  const options = { ignoreQuery: ['fbclid', 'utm_*', 'a b', 'ä'] };
  expect(keyOf('/?utm_source=1&x=1&fbclid=2&utm_', options)).toBe('/?x=1');
  expect(keyOf('/?%75tm_source=1&fbcli%64=2', options)).toBe('/');
  expect(keyOf('/?utm=1&fbclid2=2', options)).toBe('/?fbclid2=2&utm=1');
  expect(keyOf('/?UTM_x=1', options)).toBe('/?UTM_x=1');
  expect(keyOf('/?a+b=1&a%20b=2&%C3%A4', options)).toBe('/');
  expect(keyOf('/?fbclid', options)).toBe('/');
  expect(keyOf('/?a=fbclid', options)).toBe('/?a=fbclid');
});

test('has only what is allowed, and of that nothing that is ignored', () => {
  const options = { allowQuery: ['page', 'q'] };
  expect(keyOf('/?x=1&q=2&page=3&', options)).toBe('/?page=3&q=2');
  expect(keyOf('/?x=1', options)).toBe('/');
  expect(keyOf('/?q=1', { allowQuery: [] })).toBe('/');
  expect(keyOf('/?q=1&page=2', { ...options, ignoreQuery: ['q'] })).toBe('/?page=2');
});

test('is none where it is too long; what does not count is not counted', () => {
  const options = { maxKeyLength: ORIGIN.length + 4, ignoreQuery: ['x'] };
  expect(keyOf('/abc', options)).toBe('/abc');
  expect(keyOf('/abcd', options)).toBeUndefined();
  expect(keyOf('/a?bc', options)).toBeUndefined();
  expect(keyOf('/abc?x=12345', options)).toBe('/abc');
  expect(keyOf('/%61%62%63', options)).toBe('/abc');
});

/** Signs that matter, so that few of them make many addresses that are nearly the same. */
const url = fc
  .array(
    fc.constantFrom('/', 'a', 'A', '6', '1', '%61', '%41', '%2f', '%2F', '%', '&', '=', '?', '+'),
    { maxLength: 8 },
  )
  .map((parts) => `/${parts.join('')}`);

/** What an address says, told another way: coded bytes as numbers, parameters by name. */
function meaning(address: string): string {
  const characters = (text: string): (string | number)[] => {
    if (/%(?![0-9a-f]{2})/i.test(text)) return ['malformed', text];
    return (text.match(/%..|[^]/g) ?? []).map((one) => {
      if (one.length === 1) return one;
      const byte = Number.parseInt(one.slice(1), 16);
      return /[\w.~-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : byte;
    });
  };
  const [path = '', ...rest] = address.split('?');
  const query = rest.join('?');
  const byName = new Map<string, unknown[]>();
  for (const part of query === '' ? [] : query.split('&')) {
    const name = decoded(part.split('=')[0]!.replaceAll('+', ' '));
    byName.set(name, [...(byName.get(name) ?? []), characters(part)]);
  }
  const parameters = [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([characters(path), parameters]);
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

test('is the same for two addresses if, and only if, they say the same', () => {
  fc.assert(
    fc.property(url, url, (one, other) => {
      expect(keyOf(one) === keyOf(other)).toBe(meaning(one) === meaning(other));
    }),
    { numRuns: 5000 },
  );
});

test('is the same when an address is written another way', () => {
  const recoded = url.chain((one) =>
    fc.infiniteStream(fc.boolean()).map((codes) => ({
      one,
      other: one.replaceAll(/(?<!%[0-9a-f]?)[aA61](?![0-9a-f]*%)/gi, (sign) =>
        codes.next().value === true ? `%${sign.charCodeAt(0).toString(16)}` : sign,
      ),
    })),
  );
  fc.assert(
    fc.property(
      recoded.filter(({ one }) => !/%(?![0-9a-f]{2})/i.test(one)),
      ({ one, other }) => {
        expect(keyOf(other)).toBe(keyOf(one));
      },
    ),
  );
});

test('of any text is made without an error, and is its own key', () => {
  const text = fc.oneof(url, fc.string(), fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(text, (address) => {
      const key = keyOf(address)!;
      expect(keyOf(key)).toBe(key);
    }),
    { numRuns: 1000 },
  );
});
