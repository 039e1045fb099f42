/** Calls of functions that run text as code or as a command, in any language that has them. */
import type { Notes } from './notes.ts';
import { isProse } from './prose.ts';
import { CODE_CALL } from './shell-words.ts';

const CODE_ARGUMENT =
  /^\s{0,4}(?:["'`$\\]|\)\s{0,4}(?:;|$|["'}])|@|\w{1,24}\s{0,4}\(|\d{1,6}\s{0,4}\)\s{0,4}(?:;|$|["'}])|[A-Z]\w{1,30}\s{0,4}\)|chr\b|__|this\b|import\b)/;
/** Calls that even in a short value say nothing: questions after a function, formulas. */
const HARMLESS_ALONE = /^(?:print|md5|open|require|compile|include|sleep|die|assert|fopen)$/i;

/** Notes what a text holds of such calls. */
export function inspectCode(text: string, notes: Notes): void {
  const call = CODE_CALL.exec(text);
  if (call === null) return;
  const behind = text.slice(call.index + call[0].length, call.index + call[0].length + 64);
  if (!CODE_ARGUMENT.test(behind)) return;
  const begins = text.slice(0, call.index + 1).trim().length <= 6;
  const wrapped = /[$@{<%]|<\?/.test(text.slice(Math.max(0, call.index - 8), call.index + 1));
  let score = HARMLESS_ALONE.test(call[1]!)
    ? wrapped
      ? 5
      : /['"`;]\s{0,4}$/.test(text.slice(0, call.index + 1))
        ? 3
        : 1
    : begins || wrapped || /[;'"`)|&.+(]\s{0,4}$/.test(text.slice(0, call.index + 1))
      ? 5
      : 3;
  // Code that is given to code as text.
  if (/^\s{0,4}["'`]\s{0,4}\w{2,24}\s{0,4}\(/.test(behind)) score = 5;
  if (isProse(text)) score -= 4;
  if (text.length > 400 && !begins) score -= 2;
  // Lines of a program, rather than the end of one.
  if (/[;{},]\s{0,8}\n/.test(text)) score -= 3;
  if (score > 0) notes.add('command', 'command-code', score, call.index);
}
