/**
 * Lines for people at a terminal. They are made from the JSON line, so that what a
 * person sees is what the machine gets: redacted, and with every control character
 * escaped. Only the colours are ours. Stacks are indented, so that none of their
 * lines can pass for a line of the log.
 */
import { quote } from './escape.ts';

const COLORS: Readonly<Record<string, string>> = Object.freeze({
  fatal: '\u001b[41m',
  error: '\u001b[31m',
  warn: '\u001b[33m',
  info: '\u001b[32m',
  debug: '\u001b[36m',
  trace: '\u001b[90m',
});
const DIM = '\u001b[90m';
const RESET = '\u001b[0m';

/** Makes a JSON line readable. */
export function prettyLine(line: string, colors: boolean): string {
  const { time, level, logger, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const paint = (color: string, text: string): string =>
    colors && text !== '' ? color + text + RESET : text;
  const stacks: string[] = [];
  const members: string[] = [];
  for (const [key, value] of Object.entries(rest)) {
    const { stack, ...short } = isError(value) ? value : { stack: undefined };
    if (stack === undefined) members.push(`${bare(key)}=${shown(value)}`);
    else {
      members.push(`${bare(key)}=${shown(short)}`);
      stacks.push(...stack.split('\n').map((one) => `\n    ${bare(one)}`));
    }
  }
  const head = [
    paint(DIM, bare(textOf(time).slice(11, -1))),
    paint(COLORS[textOf(level)] ?? '', bare(textOf(level)).toUpperCase().padEnd(5)),
    ...(logger === undefined ? [] : [`[${bare(textOf(logger))}]`]),
    bare(textOf(msg)),
  ].join(' ');
  return head + (members.length > 0 ? ` ${paint(DIM, members.join(' '))}` : '') + stacks.join('');
}

function isError(value: unknown): value is { readonly stack: string } {
  return typeof (value as { stack?: unknown } | null)?.stack === 'string';
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Text without quotes, its control characters still escaped. */
function bare(value: string): string {
  return quote(value).slice(1, -1).replaceAll('\\"', '"');
}

function shown(value: unknown): string {
  if (typeof value === 'string') return /^[\w./:@-]+$/.test(value) ? value : quote(value);
  return bare(JSON.stringify(value));
}
