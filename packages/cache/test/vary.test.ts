/** Vary: which fields choose an answer, and when their values are the same (RFC 9111 §4.1). */
import * as fc from 'fast-check';

import { varyKey, varyNames, varyValue } from '../src/vary.ts';

const value = (name: string, text: string) => varyValue(name, { [name]: text });
const LONG = 200_000;

describe('the names', () => {
  test.each([
    [undefined, []],
    ['', []],
    [' , ,', []],
    ['Accept', ['accept']],
    ['X-B, accept ,X-b,,Accept', ['accept', 'x-b']],
    [
      ['X-B', 'Accept, x-a'],
      ['accept', 'x-a', 'x-b'],
    ],
    [7, ['7']],
  ])('in %j are %j', (field, names) => {
    expect(varyNames(field)).toEqual(names);
  });

  test.each(['*', 'accept, *', ' * ', ['accept', '*']])('§4.1: %j matches nothing', (field) => {
    expect(varyNames(field)).toBe('*');
  });
});

describe('a value', () => {
  test('§4.1: that is absent is not the same as an empty one', () => {
    expect(varyValue('accept', {})).toBeNull();
    expect(value('accept', '')).toBe('');
    expect(varyKey(['x-a'], {})).not.toBe(varyKey(['x-a'], { 'x-a': '' }));
    expect(varyKey(['x-a'], {})).not.toBe(varyKey(['x-a'], { 'x-a': 'null' }));
  });

  test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])(
    'of a field %s is absent, where no request has sent it',
    (name) => {
      expect(varyValue(name, {})).toBeNull();
    },
  );

  test.each([
    ['accept', 'text/html;q=0.8 ,  Application/JSON', 'application/json,text/html;q=0.8'],
    ['accept', 'text/html ; level = 1 ; q = 1.0', 'text/html;level=1'],
    ['accept', 'text/html;Q=1.000', 'text/html'],
    ['accept', 'text/html;q=1.', 'text/html'],
    ['accept', 'text/html;q=1.0000', 'text/html;q=1.0000'],
    ['accept', 'text/html;q=0.1', 'text/html;q=0.1'],
    ['accept', 'text/html;x=q=1', 'text/html;x=q=1'],
    ['accept', 'text/html;q=1;level=1', 'text/html;q=1;level=1'],
    ['accept', ',, text/html,', 'text/html'],
    ['accept', 'a/b;c=" , ; = "', 'a/b;c=" , ; = "'],
    ['accept', 'a/b;c="\\" , "', 'a/b;c="\\" , "'],
    ['accept-encoding', 'br, GZIP', 'br,gzip'],
    ['accept-encoding', 'gzip,br', 'gzip,br'],
    ['accept-language', 'en;q=0.5, FR', 'fr,en;q=0.5'],
    ['accept-charset', 'UTF-8', 'utf-8'],
    ['x-a', ' A ,b,  C ', 'A,b,C'],
    ['x-a', 'b,,a', 'b,,a'],
    ['x-a', '"a , b" , c', '"a , b",c'],
    ['x-a', 'a;q=1', 'a;q=1'],
    ['x-a', 'a  b', 'a  b'],
    ['x-a', '\u00a0a\u00a0', '\u00a0a\u00a0'],
    ['accept', '"', '"'],
  ])('of %s, %j, is compared as %j', (name, text, expected) => {
    expect(value(name, text)).toBe(expected);
  });

  test('§4.1: several lines are one list', () => {
    expect(varyValue('set-cookie', { 'set-cookie': ['a', 'b'] })).toBe('a,b');
  });

  test('of preferences is the same in every order of different weights, case and spacing, and stays what it is', () => {
    const blank = fc.constantFrom('', ' ', '\t', '  ');
    const members = fc.uniqueArray(
      fc.constantFrom('gzip', 'br;q=0.9', '*;q=0', 'text/html;level=1;q=0.5'),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(
        members.chain((all) =>
          fc.tuple(
            fc.constant(all),
            fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }),
          ),
        ),
        blank,
        blank,
        ([all, shuffled], one, other) => {
          const plain = value('accept', all.join(','));
          const spaced = shuffled.join(`${one},${other}`).replaceAll(';q', `${one};${other}q`);
          expect(value('accept', `${one}${spaced.toUpperCase()}${other}`)).toBe(plain);
          expect(value('accept', plain!)).toBe(plain);
        },
      ),
    );
  });

  test('of any text is made without an error, never longer; made again it stays what it is', () => {
    const text = fc.string({ unit: fc.constantFrom('"', '\\', ',', ';', '=', ' ', 'a', 'q', '1') });
    fc.assert(
      fc.property(text, (field) => {
        const once = value('x-a', field)!;
        expect(value('x-a', once)).toBe(once);
        expect(value('accept', field)!.length).toBeLessThanOrEqual(field.length);
      }),
    );
  });

  test.each([' ', ';', '=', ',', '"', '\\"', 'a b', ' ;', '\t='])(
    'that is a long row of %j is made in good time',
    (part) => {
      const text = `a${part.repeat(LONG / part.length)}b`;
      expect(value('accept-language', text)!.length).toBeLessThanOrEqual(text.length);
      expect(value('x-a', text)!.length).toBeLessThanOrEqual(text.length);
    },
  );
});

describe('the key', () => {
  test('is empty where nothing chooses', () => {
    expect(varyKey([], { accept: 'a' })).toBe('');
  });

  test('tells apart what stands in one field and what in the next', () => {
    const names = ['x-a', 'x-b'];
    const text = fc.string({ unit: fc.constantFrom('"', ',', '[', ']', '\\', 'a', 'null') });
    const given = fc.tuple(fc.option(text), fc.option(text));
    const headers = ([a, b]: [string | null, string | null]) => ({
      ...(a === null ? {} : { 'x-a': a }),
      ...(b === null ? {} : { 'x-b': b }),
    });
    fc.assert(
      fc.property(given, given, (one, other) => {
        const same = JSON.stringify(one) === JSON.stringify(other);
        expect(varyKey(names, headers(one)) === varyKey(names, headers(other))).toBe(same);
      }),
      { numRuns: 1000 },
    );
  });

  test('has at most 1,024 characters, and long values are told apart as well', () => {
    const key = (text: string) => varyKey(['x-a'], { 'x-a': text });
    // Brackets and quotes are four.
    expect(key('a'.repeat(1020))).toHaveLength(1024);
    expect(key('a'.repeat(1021))).toMatch(/^[\w-]{43}$/);
    expect(key('a'.repeat(1021))).not.toBe(key('a'.repeat(1022)));
  });
});
