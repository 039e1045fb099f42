/** Reads a text as SQL would: MySQL, PostgreSQL, SQL Server, Oracle and SQLite at once. Never backtracks. */
import { kindOfWord } from './sql-words.ts';

/**
 * A text as tokens. Kinds: `n` name, `1` number, `s` string, `q` string without an end, `v`
 * variable, `o` comparison, `a` arithmetic, `*`, `c` comment to the end, punctuation as it is,
 * and the kinds of keywords.
 */
export interface SqlTokens {
  readonly kinds: readonly string[];
  readonly starts: readonly number[];
  /** Lower case of names, numbers and keywords; quote of strings; empty for the rest. */
  readonly words: readonly string[];
  /** Comments that stand for white space. */
  readonly comments: number;
  /** Comments that MySQL executes. */
  readonly executed: number;
}

const TOKEN =
  // oxlint-disable-next-line no-control-regex
  /([a-z_\u00a1-\uffff][\w$\u00a1-\uffff]*(?:\.{1,2}(?:[a-z_][\w$]*|`[^`]{1,64}`))*)|(0x[\da-f]*|0b[01]+(?!\w)|\\N(?!\w)|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?:[df](?=union))?)|([\s\u0000-\u001f\u007f-\u00a0]+)|(@{1,2}(?:[\w$.]+|`[^`]{0,64}`|(?=\s|$|[^\w`'"@>]))|\$\w+|:[a-z_]\w*)|(\|\||&&)|(<=>|[<>]{2}|[<>!^]=|[=<>]|!~\*?|~\*?|@>|<@|->>?|#>>?|\?[|&]|:=|::)|([-+/%^|&!])|([\s\S])/giy;

/** What is injected is SQL from its first token on: if so many say nothing, more will not. */
const MAX_TOKENS = 2000;
/** MySQL reads a number that breaks off before its exponent as nothing: `1.e(1)`. */
const BROKEN_NUMBER = /\d{1,16}\.e(?=[(.`])/iy;
/** An escape of ODBC around an operand: `{d 2}`. */
const ODBC = /\{\s{0,4}[a-z_]\w{0,16}\s{1,4}(?=[\w'"(-])/iy;
const QUOTES = new Set([`'`, '"', '`']);

/** Tokens from `from` on; with `quote`, the text begins inside of a string. */
export function sqlTokens(text: string, quote: string, from = 0): SqlTokens {
  const kinds: string[] = [];
  const starts: number[] = [];
  const wordsOf: string[] = [];
  let comments = 0;
  let executed = 0;
  let braces = 0;
  let inExecuted = false;
  let at = from;

  const push = (kind: string, start: number, word = ''): void => {
    kinds.push(kind);
    starts.push(start);
    wordsOf.push(word);
  };
  const string = (start: number, begin: number, mark: string): number => {
    const end = endOfString(text, begin, mark);
    push(end === -1 ? 'q' : 's', start, mark);
    return end === -1 ? text.length : end;
  };

  if (quote !== '') at = string(from, from, quote);
  while (at < text.length && kinds.length + comments < MAX_TOKENS) {
    const start = at;
    const character = text[at]!;
    const next = text[at + 1];
    if (QUOTES.has(character)) {
      at = string(start, at + 1, character);
      continue;
    }
    if (character === '/' && next === '*') {
      const version = text[at + 2] === '!';
      if (version) {
        executed++;
        inExecuted = true;
        at += 3;
        while (at - start < 9 && isDigit(text.charCodeAt(at))) at++;
        continue;
      }
      const end = text.indexOf('*/', at + 2);
      if (end === -1) {
        push('c', start, '/*');
        break;
      }
      comments++;
      at = end + 2;
      continue;
    }
    if (inExecuted && character === '*' && next === '/') {
      inExecuted = false;
      at += 2;
      continue;
    }
    if (character === '#' || (character === '-' && next === '-')) {
      const end = text.indexOf('\n', at);
      const rest = end === -1 || text.slice(end).trim() === '';
      if (!(character === '#' && next === '>')) {
        if (rest) {
          push('c', start, character === '#' ? '#' : '--');
          break;
        }
        comments++;
        at = end + 1;
        continue;
      }
    }
    if (isDigit(text.charCodeAt(at))) {
      BROKEN_NUMBER.lastIndex = at;
      if (BROKEN_NUMBER.test(text)) {
        at = BROKEN_NUMBER.lastIndex;
        continue;
      }
    } else if (character === '{') {
      ODBC.lastIndex = at;
      if (ODBC.test(text)) {
        push('(', start);
        braces++;
        at = ODBC.lastIndex;
        continue;
      }
    } else if (character === '}' && braces > 0) {
      push(')', start);
      braces--;
      at++;
      continue;
    }
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text)!;
    at = TOKEN.lastIndex;
    if (match[1] !== undefined) {
      const word = match[1].toLowerCase();
      const before = text[at];
      // A prefix of a string: N'…', E'…', x'…', _utf8'…'.
      if (before === `'` && (word.length === 1 || word[0] === '_') && 'nexb_'.includes(word[0]!))
        continue;
      push(kindOfWord(word), start, word);
    } else if (match[2] !== undefined) {
      push('1', start, match[2].toLowerCase());
    } else if (match[4] !== undefined) push('v', start, match[4].toLowerCase());
    else if (match[5] !== undefined) push('&', start, match[5]);
    else if (match[6] !== undefined) push(match[6] === '::' ? ':' : 'o', start, match[6]);
    else if (match[7] !== undefined) push(match[7] === '!' ? '!' : 'a', start, match[7]);
    else if (match[8] !== undefined && match[8] !== '\\')
      push(match[8] === '~' ? '!' : match[8], start);
  }
  return { kinds, starts, words: wordsOf, comments, executed };
}

/** Where the text goes on behind a string, or -1; a doubled or escaped quote does not end it. */
function endOfString(text: string, begin: number, mark: string): number {
  let at = text.indexOf(mark, begin);
  while (at !== -1) {
    let backslashes = 0;
    while (at - backslashes > begin && text[at - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) {
      if (text[at + 1] !== mark || at === begin) return at + 1;
      at++;
    }
    at = text.indexOf(mark, at + 1);
  }
  return -1;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
