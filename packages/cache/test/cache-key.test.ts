/** Keys: addresses that mean the same have one, and no others do (RFC 3986 §6.2.2). */
import { parse } from 'node:querystring';
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
  ['an empty query, which is one (§6.2.3)', '/a?', '/a?'],
  ['a name without a value', '/?a', '/?a'],
  ['a name with an empty one', '/?a=', '/?a='],
  ['a fragment', '/a?c&b#d', '/a?c&b#d'],
  ['a fragment with a query in it', '/a#b?d&c', '/a#b?d&c'],
  ['lower-case hex (§6.2.2.1)', '/?%c3%a4=%2f', '/?%C3%A4=%2F'],
  ['coded unreserved characters (§6.2.2.2)', '/?%61%5A%30=%2d%2E%5f%7e', '/?aZ0=-._~'],
  ['coded reserved characters', '/?%2f%3f%23%26%3d', '/?%2F%3F%23%26%3D'],
  ['a path in any spelling', '/%61%2f%c3%a4', '/%61%2f%c3%a4'],
  ['a coded percent sign', '/?%2561', '/?%2561'],
  ['plus and a coded space', '/+%20?a=b+c%20d', '/+%20?a=b+c%20d'],
  ['dot segments and case', '/A/./b/../c//D', '/A/./b/../c//D'],
  ['names out of order', '/?b=1&a=2&c', '/?a=2&b=1&c'],
  ['names that are coded', '/?%62=1&a=2', '/?a=2&b=1'],
  ['equal names', '/?b=2&a&b=1&b', '/?a&b=2&b=1&b'],
  ['no names', '/?b&=1&&a', '/?=1&&a&b'],
  ['another question mark', '/?b?&a', '/?a&b?'],
  ['stray percent signs', '/%?b=%zz&a=%6', '/%?a=%6&b=%zz'],
  ['signs that together would be a coding', '/?%2%35', '/?%2%35'],
  ['bytes that are no UTF-8', '/?b=%ff%61&%ff=1', '/?%ff=1&b=%ff%61'],
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
  expect(keyOf('/a?%61', options)).toBe('/a?a');
});

/** Signs that matter, so that few of them make many addresses that are nearly the same. */
const url = fc
  .array(
    fc.constantFrom('/', 'a', 'A', '6', '1', '%61', '%41', '%2f', '%2F', '%', '&', '=', '?', '+'),
    { maxLength: 8 },
  )
  .map((parts) => `/${parts.join('')}`);

const someParts = fc.array(
  fc
    .array(fc.constantFrom('a', 'A', 'b', '%61', '%62', '%2', '%2b', '%ff', '+', '=', '6', '1'), {
      maxLength: 4,
    })
    .map((parts) => parts.join('')),
  { maxLength: 4 },
);

/** What an address says, told another way: coded bytes as numbers, parameters by name. */
function meaning(address: string): string {
  const characters = (text: string): (string | number)[] => {
    if (!isDecodable(text)) return ['malformed', text];
    return (text.match(/%..|[^]/g) ?? []).map((one) => {
      if (one.length === 1) return one;
      const byte = Number.parseInt(one.slice(1), 16);
      return /[\w.~-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : byte;
    });
  };
  const at = address.indexOf('?');
  if (at === -1) return address;
  const byName = new Map<string, unknown[]>();
  for (const part of address.slice(at + 1).split('&')) {
    const name = decoded(part.split('=')[0]!.replaceAll('+', ' '));
    byName.set(name, [...(byName.get(name) ?? []), characters(part)]);
  }
  const parameters = [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([address.slice(0, at), parameters]);
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function decoded(name: string): string {
  return isDecodable(name) ? decodeURIComponent(name) : name;
}

test('is the same for two addresses if, and only if, they say the same', () => {
  fc.assert(
    fc.property(url, url, (one, other) => {
      expect(keyOf(one) === keyOf(other)).toBe(meaning(one) === meaning(other));
    }),
    { numRuns: 5000 },
  );
});

test('is the same only for what parsers read the same', () => {
  const read = (address: string): unknown => {
    const at = address.indexOf('?');
    const text = at === -1 ? '' : address.slice(at + 1);
    const fields = new URLSearchParams(text);
    fields.sort();
    return [at === -1 ? address : address.slice(0, at), { ...parse(text) }, [...fields]];
  };
  const close = fc.tuple(someParts, fc.array(fc.nat())).map(([parts, places]) => {
    const shuffled = [...parts];
    for (const place of places) {
      const from = place % (shuffled.length + 1);
      shuffled.push(...shuffled.splice(from, 1));
    }
    return [parts, shuffled].map((all) => `/?${all.join('&')}`) as [string, string];
  });
  fc.assert(
    fc.property(fc.oneof(close, fc.tuple(url, url)), ([one, other]) => {
      fc.pre(keyOf(one) === keyOf(other));
      expect(read(one)).toEqual(read(other));
    }),
    { numRuns: 1000, maxSkipsPerRun: 1000 },
  );
});

test('is the same in whatever order parameters of different names stand', () => {
  const distinct = fc.uniqueArray(fc.constantFrom('a=2', 'b', 'c=', '%64=1', '=x', 'a%20b'), {
    minLength: 2,
  });
  fc.assert(
    fc.property(
      distinct.chain((all) =>
        fc.tuple(
          fc.constant(all),
          fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }),
        ),
      ),
      ([all, shuffled]) => {
        expect(keyOf(`/?${shuffled.join('&')}`)).toBe(keyOf(`/?${all.join('&')}`));
        expect(keyOf(`/?z&${shuffled.join('&')}&z=2`)).not.toBe(keyOf(`/?z=2&${all.join('&')}&z`));
      },
    ),
  );
});

test('is the same when what needs no coding is coded', () => {
  const coded = (sign: string): string => `%${sign.charCodeAt(0).toString(16)}`;
  const words = fc.array(
    fc.tuple(fc.constantFrom('a', 'Z', '0', '-', '.', '_', '~'), fc.boolean()),
  );
  fc.assert(
    fc.property(words, words, (name, value) => {
      const plain = (all: typeof name): string => all.map(([sign]) => sign).join('');
      const other = (all: typeof name): string =>
        all.map(([sign, codes]) => (codes ? coded(sign) : sign)).join('');
      expect(keyOf(`/?${other(name)}=${other(value)}`)).toBe(`/?${plain(name)}=${plain(value)}`);
    }),
  );
});

test('takes a query with more parameters than parsers may read as it is', () => {
  const options = { ignoreQuery: ['x'] };
  const few = Array.from({ length: 98 }, () => 'x').join('&');
  expect(keyOf(`/?${few}&b&a`, options)).toBe('/?a&b');
  expect(keyOf(`/?${few}&x&b&a`, options)).toBe(`/?${few}&x&b&a`);
});

test.each(['http://a/b', 'http://a?', 'http://a#', 'http://a\\b', 'http://a b', 'a', '/'])(
  'is none at %j, which is no origin',
  (at) => {
    expect(makeKeyOf(DEFAULTS)(at, '/a')).toBeUndefined();
  },
);

test.each(['', 'http://', 'https://[::1]:8443', 'http://xn--zrich-kva.example:80'])(
  'is one at %j',
  (at) => {
    expect(makeKeyOf(DEFAULTS)(at, '/a')).toBe(`${at}/a`);
  },
);

test('of any text behind a slash is made without an error, and is its own key', () => {
  const text = fc.oneof(url, fc.string(), fc.string({ unit: 'binary' })).map((rest) => `/${rest}`);
  fc.assert(
    fc.property(text, (address) => {
      const key = keyOf(address)!;
      expect(keyOf(key)).toBe(key);
    }),
    { numRuns: 1000 },
  );
});

test.each(['', '*', 'a', 'http://a.example/', '?a=1'])(
  'there is none of the target %j',
  (target) => {
    expect(keyOf(target)).toBeUndefined();
  },
);
