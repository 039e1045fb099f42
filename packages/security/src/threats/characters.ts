/**
 * One pass over a value that says which characters it has, as a set of bits. Most values have
 * none that matter, and are done with here.
 */

/** What is told apart. */
type Character =
  | 'quote'
  | 'angle'
  | 'ampersand'
  | 'percent'
  | 'backslash'
  | 'separator'
  | 'dollar'
  | 'brace'
  | 'paren'
  | 'equals'
  | 'slash'
  | 'hash'
  | 'dots'
  | 'colon'
  | 'control'
  | 'wide'
  | 'star'
  | 'dashes'
  | 'at'
  | 'comma'
  | 'bracket'
  | 'space'
  | 'plus'
  /** Looks like a plain character, or may become one when it is folded. */
  | 'lookalike'
  | 'backtick';

export const HAS: Readonly<Record<Character, number>> = Object.freeze({
  quote: 1,
  angle: 2,
  ampersand: 4,
  percent: 8,
  backslash: 16,
  separator: 32,
  dollar: 64,
  brace: 128,
  paren: 256,
  equals: 512,
  slash: 1024,
  hash: 2048,
  dots: 4096,
  colon: 8192,
  control: 16384,
  wide: 32768,
  star: 65536,
  dashes: 131072,
  at: 262144,
  comma: 524288,
  bracket: 1048576,
  space: 2097152,
  plus: 4194304,
  lookalike: 8388608,
  backtick: 16777216,
});

const BITS = new Uint32Array(128);
for (const [bit, characters] of [
  [HAS.quote, `'"\``],
  [HAS.backtick, '`'],
  [HAS.angle, '<>'],
  [HAS.ampersand, '&'],
  [HAS.percent, '%'],
  [HAS.backslash, '\\'],
  [HAS.separator, ';|&\n\r'],
  [HAS.dollar, '$'],
  [HAS.brace, '{}'],
  [HAS.paren, '()'],
  [HAS.equals, '='],
  [HAS.slash, '/'],
  [HAS.hash, '#'],
  [HAS.colon, ':'],
  [HAS.star, '*'],
  [HAS.at, '@'],
  [HAS.comma, ','],
  [HAS.bracket, '[]'],
  [HAS.space, ' \t\n\r\v\f'],
  [HAS.plus, '+'],
] as const) {
  for (const character of characters) BITS[character.charCodeAt(0)]! |= bit;
}
for (let code = 0; code < 32; code++) BITS[code]! |= HAS.control;
BITS[127]! |= HAS.control;

const DOT = 46;
const DASH = 45;

/** Quotes, slashes, fullwidth and small forms, mathematical letters, and what has no width. */
function isLookalike(code: number): boolean {
  if (code >= 0x2000) {
    return (
      code >= 0xfe50 ||
      code === 0xd835 ||
      (code <= 0x206f && code !== 0x2026) ||
      (code >= 0x2200 && code <= 0x232a)
    );
  }
  return (
    code < 0xc0 ||
    (code >= 0x2b9 && code <= 0x2bc) ||
    code === 0x17f ||
    code === 0x131 ||
    code === 0x180e
  );
}

/** The characters of a text, as bits of `HAS`. */
export function charactersOf(text: string): number {
  let bits = 0;
  let before = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 128) {
      bits |= BITS[code]!;
      if (code === before) bits |= code === DOT ? HAS.dots : code === DASH ? HAS.dashes : 0;
    } else {
      bits |= isLookalike(code) ? HAS.wide | HAS.lookalike : HAS.wide;
    }
    before = code;
  }
  return bits;
}
