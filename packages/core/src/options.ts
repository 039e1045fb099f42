/**
 * Options: frozen defaults, a check per option, and errors that teach. `x()`,
 * `x({})` and `x({ a: undefined })` are the same; the caller's object is never
 * changed; what is unknown or wrong throws at construction, all of it at once.
 */
import { type Clock, MAX_DELAY_MS } from './clock.ts';
import { nearest } from './suggest.ts';

/** Options as a caller gives them: any may be absent or undefined. */
export type Given<O> = { readonly [K in keyof O]?: O[K] | undefined };

/** What an option must be. */
export interface Check<T> {
  /** Completes "must be …". */
  readonly expected: string;
  accepts(value: unknown): value is T;
}

/** A check for every option. */
export type Checks<O> = { readonly [K in keyof O]-?: Check<Exclude<O[K], undefined>> };

/** Options that a package cannot work with. Its message names each, its value and the fix. */
export class OptionError extends TypeError {
  readonly code: 'ERR_OPTION' = 'ERR_OPTION';
  /** One sentence per option. */
  readonly problems: readonly string[];

  constructor(owner: string, problems: readonly string[]) {
    super(`${owner}: ${problems.join(' ')}`);
    this.name = 'OptionError';
    this.problems = problems;
  }
}

/**
 * The options to work with: what was given over the defaults, checked and frozen.
 * @throws OptionError naming every unknown or wrong option
 */
export function resolveOptions<O extends object>(
  owner: string,
  defaults: Readonly<O>,
  checks: Checks<O>,
  given: Given<O> | undefined,
): Readonly<O> {
  if (
    given !== undefined &&
    (typeof given !== 'object' || given === null || Array.isArray(given))
  ) {
    throw new OptionError(owner, [`options must be an object, but are ${show(given)}.`]);
  }
  const problems: string[] = [];
  const resolved: Record<string, unknown> = { ...defaults };
  for (const [name, value] of Object.entries((given ?? {}) as Record<string, unknown>)) {
    const check = (checks as Record<string, Check<unknown> | undefined>)[name];
    if (check === undefined) {
      problems.push(unknownOption(name, Object.keys(checks)));
    } else if (value !== undefined) {
      if (check.accepts(value)) resolved[name] = value;
      else problems.push(`option "${name}" must be ${check.expected}, but is ${show(value)}.`);
    }
  }
  if (problems.length > 0) throw new OptionError(owner, problems);
  return Object.freeze(resolved) as Readonly<O>;
}

function unknownOption(name: string, known: readonly string[]): string {
  const guess = nearest(name, known);
  return guess === undefined
    ? `option "${name}" is unknown; there are ${known.join(', ')}.`
    : `option "${name}" is unknown; did you mean "${guess}"?`;
}

/** A value as an error message shows it: short, and never a whole object's inside. */
function show(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === 'function') return `a function`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null)
    return `an object with ${Object.keys(value).join(', ') || 'nothing'}`;
  return String(value);
}

/** Bounds of a number; `min` and `max` are included. */
export interface Range {
  /** Everything above this, but not this. */
  readonly above?: number;
  readonly min?: number;
  readonly max?: number;
}

/** A duration in ms; timers take no more than 2³¹−1. */
export function durationMs(range: Range = {}): Check<number> {
  return numberCheck('a duration in ms', { min: 0, max: MAX_DELAY_MS, ...range });
}

/** A size in bytes: a whole number. */
export function bytes(range: Range = {}): Check<number> {
  return numberCheck('a whole number of bytes', { min: 0, ...range }, Number.isInteger);
}

/** A share from 0 to 1. */
export function ratio(range: Range = {}): Check<number> {
  const from = range.above === undefined ? { min: 0 } : {};
  return numberCheck('a ratio', { ...from, max: 1, ...range });
}

export function integer(range: Range = {}): Check<number> {
  return numberCheck('a whole number', range, Number.isInteger);
}

export function boolean(): Check<boolean> {
  return { expected: 'true or false', accepts: (value) => typeof value === 'boolean' };
}

/** Text, optionally of a form that `expected` describes. */
export function text(form?: {
  readonly expected: string;
  readonly pattern: RegExp;
}): Check<string> {
  return {
    expected: form?.expected ?? 'a string',
    accepts: (value): value is string =>
      typeof value === 'string' && (form === undefined || form.pattern.test(value)),
  };
}

export function oneOf<const T extends string | number | boolean>(
  ...values: readonly T[]
): Check<T> {
  return {
    expected: `one of ${values.map((value) => JSON.stringify(value)).join(', ')}`,
    accepts: (value): value is T => values.includes(value as T),
  };
}

/** A function; what it takes and gives is its type's to say. */
// oxlint-disable-next-line typescript/no-unsafe-function-type
export function func<T extends Function>(): Check<T> {
  return { expected: 'a function', accepts: (value): value is T => typeof value === 'function' };
}

/** An object or function that has these methods. `expected` completes "must be …". */
export function shape<T>(expected: string, methods: readonly (keyof T & string)[]): Check<T> {
  return {
    expected: methods.length === 0 ? expected : `${expected} (with ${methods.join(', ')})`,
    accepts: (value): value is T =>
      ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
      methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function'),
  };
}

export function listOf<T>(member: Check<T>): Check<readonly T[]> {
  return {
    expected: `a list, each ${member.expected}`,
    accepts: (value): value is readonly T[] =>
      Array.isArray(value) && value.every((one) => member.accepts(one)),
  };
}

/** A plain object whose values all pass. */
export function recordOf<T>(member: Check<T>): Check<Readonly<Record<string, T>>> {
  return {
    expected: `an object, each value ${member.expected}`,
    accepts: (value): value is Readonly<Record<string, T>> =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every((one) => member.accepts(one)),
  };
}

/** A source of time. */
export const clockCheck: Check<Clock> = shape<Clock>('a clock', [
  'now',
  'monotonicMs',
  'after',
  'every',
]);

/** One check or the other. */
export function either<A, B>(one: Check<A>, other: Check<B>): Check<A | B> {
  return {
    expected: `${one.expected}, or ${other.expected}`,
    accepts: (value): value is A | B => one.accepts(value) || other.accepts(value),
  };
}

function numberCheck(
  what: string,
  { above = -Infinity, min = -Infinity, max = Infinity }: Range,
  also: (value: number) => boolean = () => true,
): Check<number> {
  const bounds = [
    ...(above === -Infinity ? [] : [`above ${above}`]),
    ...(min === -Infinity ? [] : [`at least ${min}`]),
    ...(max === Infinity ? [] : [`at most ${max}`]),
  ].join(' and ');
  return {
    expected: bounds === '' ? what : `${what}, ${bounds}`,
    accepts: (value): value is number =>
      typeof value === 'number' && value > above && value >= min && value <= max && also(value),
  };
}
