/**
 * The forms in which a value may be understood behind us. An attacker hopes that we undo one
 * encoding less than the code that is attacked; so each is undone until nothing changes, in
 * few rounds, and every form that comes out is looked at once.
 */
import { charactersOf, HAS } from './characters.ts';
import { decodeEntities } from './decode-entities.ts';
import { decodeEscapes } from './decode-escapes.ts';
import { decodeUrl } from './decode-url.ts';
import { fold } from './fold.ts';

/** No more forms than this, whatever a value holds. */
export const MAX_VIEWS = 6;
const ROUNDS = 4;
const EMPTY_COMMENT = /\/\*[^*!]{0,16}\*\//g;

const CODED =
  HAS.star | HAS.percent | HAS.ampersand | HAS.backslash | HAS.control | HAS.lookalike | HAS.plus;

/** A value as it is, and as it reads when what hides it is undone. Different texts only. */
export function viewsOf(value: string, characters: number, base64: boolean): readonly string[] {
  const plain = base64 ? fromBase64(value, characters) : undefined;
  if ((characters & CODED) === 0) return plain === undefined ? [value] : [value, plain];
  const views = [value];
  const add = (text: string): string => {
    if (views.length < MAX_VIEWS && !views.includes(text)) views.push(text);
    return text;
  };
  if (plain !== undefined) add(plain);
  const url = add(rounds(value, decodeUrl));
  const folded = add(charactersOf(url) & (HAS.control | HAS.lookalike) ? fold(url) : url);
  const entities = add(rounds(folded, decodeEntities));
  const escapes = add(rounds(rounds(entities, decodeEscapes), decodeUrl));
  // A value may hold the text of a form: `select+1`, and `+ADw-` is UTF-7's `<`.
  if ((characters & (HAS.plus | HAS.space)) === HAS.plus) add(escapes.replaceAll('+', ' '));
  if (value.includes('ADw-')) add(decodeUtf7(value));
  // Comments in the middle of words: filters take them out, and join what is left.
  if (escapes.includes('/*')) add(escapes.replace(EMPTY_COMMENT, ''));
  return views;
}

function rounds(text: string, decode: (text: string) => string): string {
  let decoded = text;
  for (let round = 0; round < ROUNDS; round++) {
    const next = decode(decoded);
    if (next === decoded) break;
    decoded = next;
  }
  return decoded;
}

function decodeUtf7(text: string): string {
  return text
    .replace(/\+?ADw-/g, '<')
    .replace(/\+?AD4-/g, '>')
    .replace(/\+?ACI-/g, '"')
    .replace(/\+?ACc-/g, "'");
}

const BASE64 = /^[A-Za-z\d+/_-]{8,}={0,2}$/;
// oxlint-disable-next-line no-control-regex
const TEXT = /^[\t\n\r\u0020-\u007e]+$/;
const TELLING =
  HAS.quote | HAS.angle | HAS.separator | HAS.paren | HAS.dollar | HAS.dots | HAS.brace | HAS.slash;

/** The text that a value holds in Base64, if it is text that can be dangerous. */
function fromBase64(value: string, characters: number): string | undefined {
  if (value.length > 8192 || (characters & (HAS.space | HAS.wide | HAS.quote)) !== 0)
    return undefined;
  if (!BASE64.test(value)) return undefined;
  const text = Buffer.from(value, 'base64').toString('latin1');
  return TEXT.test(text) && (charactersOf(text) & TELLING) !== 0 ? text : undefined;
}
