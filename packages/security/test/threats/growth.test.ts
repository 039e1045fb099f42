/**
 * Work must grow with the length of a value and no faster. What is read token by token is
 * counted; what is searched is given so much that anything quadratic would not come to an end.
 */
import { compileInspector, THREATS } from '@org/security';
import { charactersOf } from '../../src/threats/characters.ts';
import { eachTag } from '../../src/threats/html-tags.ts';
import { commandsOf } from '../../src/threats/shell-tokens.ts';
import { sqlTokens } from '../../src/threats/sql-tokens.ts';
import { viewsOf } from '../../src/threats/views.ts';

const PIECES = [
  `'`,
  '"',
  '`',
  '<',
  '<a ',
  `<a b='`,
  '(',
  '{',
  '{{',
  '${',
  '$',
  ';',
  '|',
  '&',
  '&#',
  '&lt',
  '%',
  '%25',
  '%u',
  '%c0',
  '\\',
  '\\u',
  '/',
  '../',
  './',
  '..\\',
  '\n',
  '\r\n',
  ' ',
  'a',
  'a ',
  '1,',
  'select ',
  'union select ',
  'or 1=1 ',
  ' or a',
  '/*',
  '/**/',
  '--',
  '#\n',
  '@',
  '<?',
  '<script>',
  '</',
  ' onclick',
  ' on=',
  'javascript:',
  'j ',
  'data:',
  'http://a ',
  '//',
  'http://',
  '__proto__',
  'constructor',
  ';curl ',
  '|cat ',
  '$IFS',
  '$(',
  `b''`,
  '=',
  '="',
  'style=',
  'url(',
  'document.',
  'alert(',
  '文',
  '😀',
  '．',
  'ﷺ',
  '\u0001',
  '\0',
  'QUJD',
  '+ADw-',
  '/etc/',
  '/var/a',
  'c:\\a',
  'lorem ipsum ',
  ':',
  'a.',
  '[]',
  '[',
  `' or '`,
  '<!--',
  '&amp;amp;',
  '\\x5c',
  'case when ',
  'f(',
  'sleep(',
  'expression(',
  'a=b;$a ',
  '=alert(',
  '${env:',
  '<%',
  '0x2e',
  '0177.',
  `"'a `,
  '-->',
  ']]>',
  '=" ',
  '\t',
  'on',
  'x/',
  '.',
];

const LENGTH = 200_000;

describe('a long value', () => {
  const inspector = compileInspector({ strictness: 4, threats: new Set(THREATS) });

  test.each(PIECES)('of %j comes to an end', (piece) => {
    const value = piece.repeat(LENGTH / piece.length);
    const found = inspector.inspect({ part: 'body', name: 'a' }, value);
    expect(found.length).toBeLessThanOrEqual(THREATS.length);
  });
});

describe('what is read is bounded', () => {
  it('tokens of SQL', () => {
    for (const piece of PIECES) {
      expect(sqlTokens(piece.repeat(20_000), '').kinds.length).toBeLessThanOrEqual(2001);
    }
  });

  it('tags of HTML, and what is read twice because it is quoted', () => {
    for (const piece of PIECES) {
      let tags = 0;
      eachTag(piece.repeat(10_000), () => tags++);
      expect(tags).toBeLessThanOrEqual(2000);
    }
  });

  it('commands of a shell', () => {
    for (const piece of PIECES)
      expect(commandsOf(piece.repeat(5000)).length).toBeLessThanOrEqual(1001);
  });

  it('text of all views together', () => {
    for (const piece of PIECES) {
      const value = piece.repeat(1000);
      const total = viewsOf(value, charactersOf(value), true).reduce(
        (sum, view) => sum + view.length,
        0,
      );
      expect(total).toBeLessThanOrEqual(12 * value.length);
    }
  });
});
