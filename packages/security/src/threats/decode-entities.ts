/** Undoes HTML character references: those that can hide markup or script, also without their semicolon. */

const NAMED: Readonly<Record<string, string>> = Object.freeze({
  lt: '<',
  LT: '<',
  gt: '>',
  GT: '>',
  amp: '&',
  AMP: '&',
  quot: '"',
  QUOT: '"',
  apos: "'",
  lpar: '(',
  rpar: ')',
  lbrack: '[',
  lsqb: '[',
  rbrack: ']',
  rsqb: ']',
  lbrace: '{',
  lcub: '{',
  rbrace: '}',
  rcub: '}',
  colon: ':',
  semi: ';',
  sol: '/',
  bsol: '\\',
  period: '.',
  comma: ',',
  equals: '=',
  excl: '!',
  num: '#',
  dollar: '$',
  percnt: '%',
  ast: '*',
  plus: '+',
  quest: '?',
  commat: '@',
  lowbar: '_',
  grave: '`',
  verbar: '|',
  vert: '|',
  Tab: '\t',
  NewLine: '\n',
  nbsp: ' ',
  ZeroWidthSpace: '',
  hyphen: '-',
  Hat: '^',
  DiacriticalGrave: '`',
  midast: '*',
});

const REFERENCE =
  /&(?:#[xX]0{0,16}([\da-fA-F]{1,6});?|#0{0,16}(\d{1,7});?|([a-zA-Z]{2,16});|(lt|gt|amp|quot|LT|GT|AMP|QUOT|colon|tab|newline|lpar|rpar)(?![a-zA-Z]);?)/g;

const NAMED_LOWER: Readonly<Record<string, string>> = Object.freeze({ tab: '\t', newline: '\n' });

/** One round. */
export function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(REFERENCE, (whole, hexadecimal, decimal, name, bare) => {
    if (hexadecimal !== undefined) return character(Number.parseInt(hexadecimal, 16), whole);
    if (decimal !== undefined) return character(Number(decimal), whole);
    const known: string = name ?? bare;
    return NAMED[known] ?? NAMED_LOWER[known.toLowerCase()] ?? whole;
  });
}

function character(code: number, otherwise: string): string {
  if (code === 0) return '';
  return code <= 0x10ffff ? String.fromCodePoint(code) : otherwise;
}
