/** Levels by name and by number: a lower number is graver, and a threshold lets through what is at most it. */

/** A line's level, gravest first. */
export type LevelName = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** A level's name in any case, an alias that other loggers use, or `silent`. */
export type LevelInput = LevelName | 'silent' | (string & {});

/** Every level; the place in this list is its number. */
export const LEVELS: readonly LevelName[] = Object.freeze([
  'fatal',
  'error',
  'warn',
  'info',
  'debug',
  'trace',
]);

export const FATAL = 0;
export const ERROR = 1;
export const WARN = 2;
export const INFO = 3;
export const DEBUG = 4;
export const TRACE = 5;
/** A threshold that lets nothing through. */
export const SILENT: number = -1;

/** Names that other loggers use for the same. */
const NUMBERS: Readonly<Record<string, number>> = Object.freeze({
  silent: SILENT,
  off: SILENT,
  none: SILENT,
  fatal: FATAL,
  crit: FATAL,
  critical: FATAL,
  error: ERROR,
  warn: WARN,
  warning: WARN,
  notice: INFO,
  info: INFO,
  http: INFO,
  verbose: DEBUG,
  debug: DEBUG,
  trace: TRACE,
  silly: TRACE,
});

/** The same as winston takes it, so that a transport's own `level` may be any of the names. */
export const WINSTON_LEVELS: Readonly<Record<string, number>> = Object.freeze(
  Object.fromEntries(Object.entries(NUMBERS).filter(([, number]) => number >= 0)),
);

/** A level's number, or nothing when there is no such level. */
export function levelNumber(name: unknown): number | undefined {
  if (typeof name !== 'string') return undefined;
  const key = name.trim().toLowerCase();
  return Object.hasOwn(NUMBERS, key) ? NUMBERS[key] : undefined;
}

/** The names to offer when one is wrong. */
export const LEVEL_CHOICE: string = `one of ${LEVELS.join(', ')} or silent, in any case`;
