/** Undoes backslash escapes of JavaScript, CSS and C: `\x3c`, `\u003c`, `\u{3c}`, `\74`, `\n`, `\/`. */

const ESCAPE =
  /\\(?:(0)(?![\da-fA-F])|u\{0{0,8}([\da-fA-F]{1,6})\}|u([\da-fA-F]{4})|x([\da-fA-F]{2})|0{1,4}([\da-fA-F]{2})(?![\da-fA-F]) ?|([0-3][0-7]{2}|[4-7][0-7])|([nrtvfb/'"`<>]))/g;

const LETTERS: Readonly<Record<string, string>> = Object.freeze({
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  f: '\f',
  b: '',
});

/** One round. A backslash before anything else stays: it may be a path. */
export function decodeEscapes(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(ESCAPE, (whole, nul, braced, four, two, css, octal, letter) => {
    if (nul !== undefined) return '';
    if (letter !== undefined) return LETTERS[letter] ?? letter;
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
    const code = Number.parseInt(braced ?? four ?? two ?? css, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
