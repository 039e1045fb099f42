/** The options of sanitising, their defaults and their checks. */
import {
  boolean,
  type Check,
  type Checks,
  func,
  type Given,
  integer,
  listOf,
  oneOf,
  resolveOptions,
  text,
} from '@org/core';

/** Makes HTML harmless. */
export type CleanHtml = (html: string) => string;

/** What becomes of a parameter that was given several times. */
export type Duplicates = 'last' | 'first' | 'error' | 'keep';

export interface SanitiseOptions {
  /** What a parameter that was given several times becomes. @default "last" */
  readonly duplicates: Duplicates;
  /** Parameters that may be given several times, and are lists. @default [] */
  readonly repeatable: readonly string[];
  /** Drops keys that begin with `$` or have a dot in them: operators and paths to a document store. @default true */
  readonly dropOperators: boolean;
  /** Fields that hold HTML, such as `body.comment` or `body.items.*.text`; all others are left as text. @default [] */
  readonly html: readonly string[];
  /** Cleans those fields. @default sanitize-html, which is then to be installed, with its own defaults */
  readonly cleanHtml: CleanHtml | undefined;
  /** How deep objects and lists may be nested. @default 64 */
  readonly maxDepth: number;
  /** How many members of objects and lists there may be in a part of the request. @default 10_000 */
  readonly maxKeys: number;
}

export const SANITISE_DEFAULTS: Readonly<SanitiseOptions> = Object.freeze<SanitiseOptions>({
  duplicates: 'last',
  repeatable: Object.freeze([]),
  dropOperators: true,
  html: Object.freeze([]),
  cleanHtml: undefined,
  maxDepth: 64,
  maxKeys: 10_000,
});

const FIELD: Check<string> = text({
  expected: 'a field such as "body.comment" or "body.items.*.text"',
  pattern: /^(?:query|params|body)(?:\.[^.]+)+$/,
});

const CHECKS: Checks<SanitiseOptions> = {
  duplicates: oneOf('last', 'first', 'error', 'keep'),
  repeatable: listOf(text()),
  dropOperators: boolean(),
  html: listOf(FIELD),
  cleanHtml: func<CleanHtml>(),
  maxDepth: integer({ min: 1, max: 1000 }),
  maxKeys: integer({ min: 1 }),
};

/** @throws OptionError for unknown or wrong options */
export function resolveSanitiseOptions(
  options: Given<SanitiseOptions> | undefined,
): Readonly<SanitiseOptions> {
  return resolveOptions('security:sanitise', SANITISE_DEFAULTS, CHECKS, options);
}
