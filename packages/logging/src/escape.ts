/**
 * Text as one JSON string that is harmless on a terminal too. JSON keeps newlines
 * and C0 controls from forging lines; DEL, the C1 controls (U+009B starts an ANSI
 * sequence), the Unicode line ends and the marks that turn text around are escaped
 * as well, because log files are read with `tail` and `less`.
 */

/** Nothing to escape: printable ASCII without quote and backslash. */
const PLAIN = /^[ !#-[\]-~]*$/;
/** What JSON lets through and a terminal should not get. */
const HIDDEN = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** The text as a JSON string, quotes included. */
export function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text).replace(HIDDEN, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
