import { array, assert, constantFrom, pre, property, string } from 'fast-check';
import { compileInspector, THREATS } from '@org/security';
import { charactersOf } from '../../src/threats/characters.ts';
import { decodeEntities } from '../../src/threats/decode-entities.ts';
import { decodeEscapes } from '../../src/threats/decode-escapes.ts';
import { decodeUrl } from '../../src/threats/decode-url.ts';
import { fold } from '../../src/threats/fold.ts';
import { MAX_VIEWS, viewsOf } from '../../src/threats/views.ts';

const views = (value: string): readonly string[] => viewsOf(value, charactersOf(value), true);

describe('percent encoding', () => {
  test.each([
    ['%27', `'`],
    ['%e2%82%ac', '€'],
    ['%u0027', `'`],
    ['%U003c', '<'],
    ['%c0%af', '/'],
    ['%c0%ae', '.'],
    ['%e0%80%af', '/'],
    ['%f0%80%80%af', '/'],
    ['%c0/', '/'],
    ['100%', '100%'],
    ['%zz%4', '%zz%4'],
    ['%ff', 'ÿ'],
  ])('%s', (coded, plain) => {
    expect(decodeUrl(coded)).toBe(plain);
  });

  it('undoes what encodeURIComponent does, whatever it is', () => {
    assert(
      property(string({ unit: 'grapheme' }), (text) => {
        expect(decodeUrl(encodeURIComponent(text))).toBe(text);
      }),
    );
  });
});

describe('character references', () => {
  test.each([
    ['&lt;', '<'],
    ['&LT', '<'],
    ['&#60;', '<'],
    ['&#0000060', '<'],
    ['&#x3c', '<'],
    ['&#X000003C;', '<'],
    ['&colon;', ':'],
    ['&lpar;&rpar;', '()'],
    ['&Tab;&NewLine;', '\t\n'],
    ['j&#0;avascript', 'javascript'],
    ['a & b &c; &unknown;', 'a & b &c; &unknown;'],
    ['&#99999999;', '&#99999999;'],
  ])('%s', (coded, plain) => {
    expect(decodeEntities(coded)).toBe(plain);
  });
});

describe('escapes', () => {
  test.each([
    ['\\x3c', '<'],
    ['\\u003c', '<'],
    ['\\u{3c}', '<'],
    ['\\74', '<'],
    ['\\00003c ', '<'],
    ['\\n\\r', '\n\r'],
    ['<\\/script>', '</script>'],
    ['scr\\0ipt', 'script'],
    ['C:\\windows', 'C:\\windows'],
  ])('%s', (coded, plain) => {
    expect(decodeEscapes(coded)).toBe(plain);
  });
});

describe('folding', () => {
  test.each([
    ['＜ｓｃｒｉｐｔ＞', '<script>'],
    ['１＇', `1'`],
    ['‘or’', `'or'`],
    ['a\u200bb\u0000c\u00ad', 'abc'],
    ['∕etc', '/etc'],
    ['¼script¾', '<script>'],
  ])('%s', (odd, plain) => {
    expect(fold(odd)).toBe(plain);
  });

  it('does not let a text grow beyond twice its length', () => {
    expect(fold('ﷺ'.repeat(1000)).length).toBeLessThanOrEqual(2000);
  });
});

describe('views', () => {
  const plain = `<img src=q onerror=steal()>`;
  const all = (mask: (code: number) => string): string =>
    Array.from(plain)
      .map((one) => mask(one.charCodeAt(0)))
      .join('');
  const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0');

  test.each([
    ['percent', all((code) => `%${hex(code, 2)}`)],
    ['percent, twice', all((code) => `%25${hex(code, 2)}`)],
    ['percent, four times', all((code) => `%252525${hex(code, 2)}`)],
    ['%u', all((code) => `%u${hex(code, 4)}`)],
    ['decimal references', all((code) => `&#${code};`)],
    [
      'hexadecimal references without semicolons',
      all((code) => `&#x${hex(code, 4)} `).replaceAll(' ', ';'),
    ],
    ['references of references', all((code) => `&amp;#${code};`)],
    ['percent of references', all((code) => `%26%23${code}%3b`)],
    ['unicode escapes', all((code) => `\\u${hex(code, 4)}`)],
    ['hexadecimal escapes', all((code) => `\\x${hex(code, 2)}`)],
    [
      'fullwidth',
      Array.from(plain)
        .map((one) =>
          one > ' ' && one < '\u007f' ? String.fromCharCode(one.charCodeAt(0) + 0xfee0) : one,
        )
        .join(''),
    ],
    ['NUL between', Array.from(plain).join('\0')],
    ['Base64', Buffer.from(plain).toString('base64')],
  ])('show what is hidden by %s', (_, hidden) => {
    expect(views(hidden)).toContain(plain);
    const inspector = compileInspector({ strictness: 2, threats: new Set(THREATS) });
    const found = inspector.inspect({ part: 'body', name: 'a' }, hidden);
    expect(found.map(({ threat }) => threat)).toContain('xss');
  });

  it('are few, different, and the value itself first', () => {
    assert(
      property(string({ unit: 'binary', maxLength: 200 }), (value) => {
        const found = views(value);
        expect(found[0]).toBe(value);
        expect(found.length).toBeLessThanOrEqual(MAX_VIEWS);
        expect(new Set(found).size).toBe(found.length);
      }),
    );
  });

  it('do not change when they are decoded again', () => {
    const piece = constantFrom(
      '%',
      '2',
      '5',
      '7',
      'a',
      '&',
      '#',
      ';',
      'lt',
      'x',
      '\\',
      'u',
      '0',
      '3c',
      "'",
    );
    assert(
      property(array(piece, { maxLength: 30 }), (pieces) => {
        const value = pieces.join('');
        const decoded = decodeUrl(decodeUrl(decodeUrl(decodeUrl(value))));
        pre(decodeUrl(decoded) === decoded);
        expect(views(value).map((view) => (view === value ? decoded : view))).toContain(decoded);
      }),
    );
  });
});
