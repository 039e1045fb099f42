/**
 * Undoes percent encoding as the most forgiving of servers do: again and again, `%uXXXX`
 * (IIS), and overlong and cut UTF-8. What is no encoding stays as it is.
 */

const PERCENT = 37;

function hex(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** The byte that `%XX` at this place stands for, or -1. */
function byteAt(text: string, at: number): number {
  if (text.charCodeAt(at) !== PERCENT) return -1;
  const high = hex(text.charCodeAt(at + 1));
  const low = hex(text.charCodeAt(at + 2));
  return high < 0 || low < 0 ? -1 : (high << 4) | low;
}

/** How many bytes a byte from 0xc0 on says will follow: also such numbers as RFC 3629 forbids. */
function tailOf(byte: number): number {
  return byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : byte < 0xf8 ? 3 : byte < 0xfc ? 4 : 5;
}

/** One round. */
export function decodeUrl(text: string): string {
  let from = text.indexOf('%');
  if (from === -1) return text;
  let decoded = '';
  let kept = 0;
  while (from !== -1) {
    const next = from + 1;
    let size = 0;
    let character = '';
    const byte = byteAt(text, from);
    if (byte >= 0 && byte < 0xc0) {
      size = 3;
      character = String.fromCharCode(byte);
    } else if (byte >= 0) {
      [character, size] = characterAt(text, from, byte);
    } else if ((text.charCodeAt(next) | 32) === 117) {
      const code = Number.parseInt(text.slice(next + 1, next + 5), 16);
      if (/^[\da-f]{4}/i.test(text.slice(next + 1, next + 5))) {
        size = 6;
        character = String.fromCharCode(code);
      }
    }
    if (size > 0) {
      decoded += text.slice(kept, from) + character;
      kept = from + size;
    }
    from = text.indexOf('%', Math.max(next, kept));
  }
  return kept === 0 ? text : decoded + text.slice(kept);
}

/** The character whose bytes begin here, and how much text they take. */
function characterAt(text: string, from: number, first: number): [string, number] {
  const tail = tailOf(first);
  let code = first & (0x3f >> tail);
  let at = from + 3;
  for (let count = 0; count < tail; count++) {
    const byte = byteAt(text, at);
    // A tail may be given as it is: `%c0.`; and decoders that only mask take any byte for one.
    const loose = byte >= 0 ? byte : tail === 1 ? text.charCodeAt(at) : -1;
    if (!(loose >= 0 && loose < 256)) return [String.fromCharCode(first), 3];
    if (loose < 0x80 && tail > 1) return [String.fromCharCode(first), 3];
    // What is plain already is what a decoder that skips the lead would see.
    code = loose < 0x80 ? loose : (code << 6) | (loose & 0x3f);
    at += byte >= 0 ? 3 : 1;
  }
  const valid = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return valid ? [String.fromCodePoint(code), at - from] : [String.fromCharCode(first), 3];
}
