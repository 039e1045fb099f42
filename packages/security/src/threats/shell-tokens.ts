/**
 * Reads a text as shells would, and finds the words in command position: at the beginning,
 * behind separators and pipes, inside of substitutions. Quotes, backslashes, carets and empty
 * expansions inside of a word are taken away, as a shell takes them away.
 */

import { isProgram } from './shell-words.ts';

/** A word where a command may stand. */
export interface Command {
  /** Lower case, without the folder and `.exe`. */
  readonly word: string;
  /** What came before: the separator, `$(`, a backtick, or nothing at the beginning. */
  readonly lead: string;
  /** What follows the word, up to the next separator; not longer than 200. */
  readonly rest: string;
  /** The separator behind it, or nothing at the end. */
  readonly end: string;
  /** Written so that it is not seen: quotes inside, `${IFS}`, wildcards. */
  readonly disguised: boolean;
  /** Written in lower case, as programs of Unix are. */
  readonly lower: boolean;
  /** With a folder, such as `/bin/`. */
  readonly folder: string;
  readonly at: number;
}

/** Text in which backticks stand around code. */
const MARKDOWN = /```|^\s{0,3}#{1,6} \S|\]\(https?:/m;

/** Whether a text is written in Markdown. */
export function isMarkdown(text: string): boolean {
  return MARKDOWN.test(text);
}

const MAX_COMMANDS = 1000;
const SUBSTITUTES: ReadonlySet<string> = new Set(['$(', '`', '<(', '>(']);
const SEPARATOR = /\|\||&&|[;|&\n\r]|\$\(|`|[<>]\(|[{(](?=\s)/g;
const WORD =
  /(?:[^\s;|&<>(){}`"'$\\^,]|\\[^\n]|\^|"[^"\s]{0,40}"|'[^'\s]{0,40}'|\$(?!IFS)(?:@|\*|!|\d|[A-Za-z_]\w{0,12}\b)|\$\{[^}]{0,20}\})+/y;
const PLAIN_WORD = /[\w-]+(?=[\s;|&)]|$)/y;
const SPACE =
  /(?:[\s+,!({@]|\$\{?IFS\}?(?:\$\d)?|%20|%09|<(?!\()|\b(?:if|then|do|else|not|time|exec|sudo|nohup|command|busybox)\b\s){0,64}/iy;
const DISGUISE = /["'\\^]|\$(?!IFS)(?:@|\*|!|\d|[A-Za-z_]\w{0,12}\b)|\$\{[^}]{0,20}\}/gi;

/** The commands of a text. */
export function commandsOf(given: string): readonly Command[] {
  // An empty substitution is nothing, wherever it stands.
  const text = given.includes('$()') ? given.replaceAll('$()', '') : given;
  const commands: Command[] = [];
  // A backtick of Markdown is no substitution.
  const fenced = text.includes('`') && isMarkdown(text);
  const leads: { lead: string; from: number; at: number }[] = [{ lead: '', from: 0, at: 0 }];
  for (const match of text.matchAll(SEPARATOR)) {
    if (leads.length > MAX_COMMANDS) break;
    if (fenced && match[0] === '`') continue;
    leads.push({ lead: match[0], from: match.index + match[0].length, at: match.index });
  }
  for (let index = 0; index < leads.length; index++) {
    const { lead, from, at } = leads[index]!;
    const next = leads[index + 1];
    // What follows goes on through substitutions.
    let last = index + 1;
    while (last < leads.length && last < index + 4 && goesOn(lead, leads[last]!.lead)) last++;
    const end =
      next === undefined || goesOn(lead, next.lead) ? (leads[last]?.at ?? text.length) : next.at;
    const command = commandAt(text, from, end, lead, next?.lead ?? '', at);
    if (command !== undefined) commands.push(command);
  }
  return commands;
}

/** Whether a command goes on behind `next`: a backtick ends what a backtick began. */
function goesOn(lead: string, next: string): boolean {
  return SUBSTITUTES.has(next) && !(lead === '`' && next === '`');
}

function commandAt(
  text: string,
  from: number,
  to: number,
  lead: string,
  end: string,
  at: number,
): Command | undefined {
  SPACE.lastIndex = from;
  SPACE.test(text);
  const begin = Math.max(from, SPACE.lastIndex);
  // Most words are plain, and no program.
  PLAIN_WORD.lastIndex = begin;
  if (PLAIN_WORD.test(text) && !isProgram(text.slice(begin, PLAIN_WORD.lastIndex).toLowerCase())) {
    return undefined;
  }
  WORD.lastIndex = begin;
  const match = WORD.exec(text.length - begin > 400 ? text.slice(0, begin + 400) : text);
  if (match === null || begin >= to + 1) return undefined;
  const raw = match[0];
  const stop = WORD.lastIndex;
  const plain = raw.replace(DISGUISE, '');
  const slash = Math.max(plain.lastIndexOf('/'), plain.lastIndexOf('\\'));
  const given = plain.slice(slash + 1);
  const word = given.toLowerCase().replace(/\.(?:exe|com|cmd)$/, '');
  if (word === '') return undefined;
  const rest = text.slice(stop, Math.min(Math.max(stop, to), stop + 200));
  return {
    word,
    lead,
    rest,
    end,
    lower: given === given.toLowerCase(),
    disguised:
      (plain !== raw && /[a-z]["'\\^$][^\s]*[a-z'"]/i.test(raw)) ||
      /^\$\{?IFS/i.test(rest) ||
      /\/[\w?*[\]]*\?[\w?*[\]]*\//.test(raw),
    folder: slash === -1 ? '' : plain.slice(0, slash + 1).toLowerCase(),
    at,
  };
}
