/**
 * Folds what looks alike, as databases and browsers may: fullwidth and mathematical letters
 * (NFKC), slashes and quotes of other blocks; takes away NUL, other controls and what has no width.
 */

const INVISIBLE =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000e-\u001f\u007f-\u009f\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufff0-\uffff]/g;
const LOOKALIKES: Readonly<Record<string, string>> = Object.freeze({
  '\u2013': '--',
  '\u2014': '--',
  '\u2044': '/',
  '\u2215': '/',
  '\u29f8': '/',
  '\u2216': '\\',
  '\u29f5': '\\',
  '\u29f9': '\\',
  '\u2018': "'",
  '\u2019': "'",
  '\u02b9': "'",
  '\u02bc': "'",
  '\u2032': "'",
  '\u201c': '"',
  '\u201d': '"',
  '\u2033': '"',
  '\u2039': '<',
  '\u203a': '>',
  '\u3008': '<',
  '\u3009': '>',
  '\u2329': '<',
  '\u232a': '>',
  '\u02ba': '"',
  '\u212a': 'k',
  '\u017f': 's',
  '\u0131': 'i',
});
const ALIKE = new RegExp(`[${Object.keys(LOOKALIKES).join('')}]`, 'g');

/** Markup whose brackets have the eighth bit set, which decoders of US-ASCII drop. */
const HIGH_BIT = /\u00bc(\/?[a-z]{1,16})\u00be/gi;

/** The text in plain characters. */
export function fold(text: string): string {
  const folded = text.replace(HIGH_BIT, '<$1>').normalize('NFKC');
  // Some characters stand for many: a text must not grow by what it says.
  return (folded.length > 2 * text.length ? folded.slice(0, 2 * text.length) : folded)
    .replace(INVISIBLE, '')
    .replace(ALIKE, (one) => LOOKALIKES[one]!);
}
