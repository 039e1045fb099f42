/**
 * A text that a regular expression matches, for the expressions that schemas use: literals, classes,
 * groups, alternatives, repetitions. What it does not know, such as a look-ahead, it passes over;
 * whoever asks tries the text, and asks again.
 */
import { type Draw, oneAmong, wholeBetween } from './seeded.ts';

/** How often something is repeated that has no end of its own. */
const MAX_REPEATS = 6;
const PRINTABLE = charactersOf(0x20, 0x7e);
const DIGITS = charactersOf(0x30, 0x39);
const LETTERS = [...charactersOf(0x61, 0x7a), ...charactersOf(0x41, 0x5a)];
const WORD = [...LETTERS, ...DIGITS, '_'];

export function patternText(source: string, draw: Draw): string {
  return new Writer(source, draw).alternatives();
}

class Writer {
  private readonly source: readonly string[];
  private readonly draw: Draw;
  private at: number = 0;

  constructor(source: string, draw: Draw) {
    this.source = Array.from(source);
    this.draw = draw;
  }

  /** Writes one of the alternatives, up to the end of the group. */
  alternatives(): string {
    const texts = [this.sequence()];
    while (this.source[this.at] === '|') {
      this.at++;
      texts.push(this.sequence());
    }
    return oneAmong(this.draw, texts);
  }

  private sequence(): string {
    let text = '';
    while (this.at < this.source.length && !['|', ')'].includes(this.source[this.at]!)) {
      const start = this.at;
      let part = this.atom();
      const end = this.at;
      const times = this.repeats();
      const after = this.at;
      // What is repeated is written anew each time: not `aaa`, but `akq`.
      for (let round = 1; round < times; round++) {
        this.at = start;
        part += this.atom();
        this.at = end;
      }
      this.at = after;
      if (times > 0) text += part;
    }
    return text;
  }

  private atom(): string {
    const character = this.source[this.at++]!;
    switch (character) {
      case '^':
      case '$':
        return '';
      case '.':
        return oneAmong(this.draw, LETTERS);
      case '(':
        return this.group();
      case '[':
        return this.class();
      case '\\':
        return oneAmong(this.draw, this.escape());
      default:
        return character;
    }
  }

  private group(): string {
    let isKept = true;
    if (this.source[this.at] === '?') {
      const rest = this.source.slice(this.at, this.at + 3).join('');
      if (/^\?(?:[=!]|<[=!])/.test(rest)) isKept = false;
      if (/^\?<[^=!]/.test(rest)) this.at = this.source.indexOf('>', this.at) + 1;
      else this.at += /^\?<[=!]/.test(rest) ? 3 : 2;
    }
    const text = this.alternatives();
    this.at++;
    return isKept ? text : '';
  }

  private class(): string {
    const isNegated = this.source[this.at] === '^';
    if (isNegated) this.at++;
    const members: string[] = [];
    while (this.at < this.source.length && this.source[this.at] !== ']') {
      const from = this.member();
      if (this.source[this.at] === '-' && this.source[this.at + 1] !== ']' && from.length === 1) {
        this.at++;
        const to = this.member();
        members.push(...charactersOf(from[0]!.codePointAt(0)!, to[0]!.codePointAt(0)!));
      } else members.push(...from);
    }
    this.at++;
    const choices = isNegated ? PRINTABLE.filter((one) => !members.includes(one)) : members;
    return choices.length === 0 ? '' : oneAmong(this.draw, choices);
  }

  private member(): readonly string[] {
    const character = this.source[this.at++]!;
    return character === '\\' ? this.escape() : [character];
  }

  /** What the escape stands for; the backslash has been read. */
  private escape(): readonly string[] {
    const character = this.source[this.at++] ?? '\\';
    const rest = this.source.slice(this.at).join('');
    switch (character) {
      case 'd':
        return DIGITS;
      case 'D':
        return LETTERS;
      case 'w':
        return WORD;
      case 'W':
        return ['-', ' ', '.'];
      case 's':
        return [' '];
      case 'S':
        return LETTERS;
      case 'b':
      case 'B':
        return [''];
      case 'n':
        return ['\n'];
      case 't':
        return ['\t'];
      case 'r':
        return ['\r'];
      case 'p':
      case 'P': {
        const [name = ''] = /^\{[^}]*\}/.exec(rest) ?? [];
        this.at += name.length;
        return name.startsWith('{N') ? DIGITS : LETTERS;
      }
      case 'x':
      case 'u': {
        const [, long, short] = /^(?:\{([\da-f]+)\}|([\da-f]{2,4}))/i.exec(rest) ?? [];
        const digits = character === 'x' ? short?.slice(0, 2) : short;
        this.at += long === undefined ? (digits?.length ?? 0) : long.length + 2;
        return [String.fromCodePoint(Number.parseInt(long ?? digits ?? '75', 16))];
      }
      default:
        return [character];
    }
  }

  private repeats(): number {
    const [quantifier, least, comma, most] = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})/.exec(
      this.source.slice(this.at, this.at + 24).join(''),
    ) ?? [''];
    if (quantifier === '') return 1;
    this.at += quantifier.length;
    // Lazy or not, it is as often.
    if (this.source[this.at] === '?') this.at++;
    if (quantifier === '*') return wholeBetween(this.draw, 0, MAX_REPEATS);
    if (quantifier === '+') return wholeBetween(this.draw, 1, MAX_REPEATS);
    if (quantifier === '?') return wholeBetween(this.draw, 0, 1);
    const from = Number(least);
    if (comma === '') return from;
    const to = most === '' ? from + MAX_REPEATS : Number(most);
    return wholeBetween(this.draw, from, Math.min(to, from + 4 * MAX_REPEATS));
  }
}

function charactersOf(from: number, to: number): string[] {
  // A class may span all of Unicode.
  const length = Math.min(Math.max(0, to - from + 1), 512);
  return Array.from({ length }, (_, at) => String.fromCodePoint(from + at));
}
