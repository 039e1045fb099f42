/** The options of shaping, their defaults and their checks. */
import {
  boolean,
  type Check,
  type Checks,
  either,
  func,
  type Given,
  integer,
  listOf,
  oneOf,
  OptionError,
  recordOf,
  resolveOptions,
  text,
} from '@org/core';

import type { DateStyle } from './formats.ts';
import type { Envelope, FieldSelection, FindPage, Link, PlacedPage, Shape } from './shape.ts';

/** What shaping can be told. */
export interface TransformOptions {
  /** The shape of every answer that has none of its own. @default {} */
  readonly shape: Shape;
  /** Shapes by Express' path patterns; the first that matches counts, `false`: none. @default {} */
  readonly routes: Readonly<Record<string, Shape | false>>;
  /** How deep a value may be; deeper ones, and circles, are an error. @default 64 */
  readonly maxDepth: number;
  /** How many members and elements a value may have. @default 1_000_000 */
  readonly maxNodes: number;
}

export const TRANSFORM_DEFAULTS: Readonly<TransformOptions> = Object.freeze<TransformOptions>({
  shape: Object.freeze({}),
  routes: Object.freeze({}),
  maxDepth: 64,
  maxNodes: 1_000_000,
});

function objects<T>(expected: string): Check<T> {
  return {
    expected,
    accepts: (value): value is T =>
      typeof value === 'object' && value !== null && !Array.isArray(value),
  };
}

const PATH: Check<string> = text({
  expected: 'a path such as "items" or "user.email"',
  pattern: /^[^.\s]+(?:\.[^.\s]+)*$/,
});

const REDACTED: Check<string> = text({
  expected: 'a path such as "user.email", or "**.email" for wherever it stands',
  pattern: /^(?:\*\*\.[^.\s*]+|(?!\*\*)[^.\s]+(?:\.(?!\*\*)[^.\s]+)*)$/,
});
const DATE_STYLE: Check<DateStyle> = oneOf('iso', 'unix-s', 'unix-ms');
/** `toFixed` has up to 100; past 15 a number has no more to tell. */
const PLACES: Check<number> = integer({ min: 0, max: 15 });

const CHECKS: Checks<TransformOptions> = Object.freeze<Checks<TransformOptions>>({
  shape: objects<Shape>('a shape'),
  routes: recordOf(either(objects<Shape>('a shape'), oneOf(false))),
  maxDepth: integer({ min: 1, max: 1000 }),
  maxNodes: integer({ min: 1 }),
});

const SHAPE_CHECKS: Checks<Shape> = Object.freeze<Checks<Shape>>({
  fields: either(boolean(), objects<FieldSelection>('a selection')),
  case: oneOf('camel', 'snake', 'kebab'),
  dictionaries: listOf(PATH),
  redact: listOf(REDACTED),
  mask: text(),
  dates: either(DATE_STYLE, recordOf(DATE_STYLE)),
  decimals: recordOf(PLACES),
  fixed: recordOf(PLACES),
  bigints: oneOf('error', 'text'),
  links: recordOf(objects<Link>('a link with "href"')),
  hal: boolean(),
  envelope: either(boolean(), objects<Envelope>('an envelope')),
  pagination: either(func<FindPage>(), objects<PlacedPage>('places')),
  problems: boolean(),
  versions: recordOf(objects<Shape>('a shape')),
});

const SELECTION_CHECKS: Checks<FieldSelection> = Object.freeze<Checks<FieldSelection>>({
  parameter: text({ expected: 'a name', pattern: /^[\w.~-]+$/ }),
  at: PATH,
  always: listOf(PATH),
  known: listOf(PATH),
});

const ENVELOPE_CHECKS: Checks<Envelope> = Object.freeze<Checks<Envelope>>({
  name: text({ expected: 'a name', pattern: /^.+$/ }),
  meta: func(),
});

const LINK_CHECKS: Checks<Link> = Object.freeze<Checks<Link>>({
  at: PATH,
  href: text({ expected: 'an address such as "/cities/{id}"', pattern: /^\S+$/ }),
});

const PAGE_CHECKS: Checks<PlacedPage> = Object.freeze<Checks<PlacedPage>>({
  next: PATH,
  prev: PATH,
  first: PATH,
  last: PATH,
  total: PATH,
});

/** @throws OptionError for unknown or wrong options, those of shapes included */
export function resolveTransformOptions(
  options: Given<TransformOptions> | undefined,
): Readonly<TransformOptions> {
  const resolved = resolveOptions('transform', TRANSFORM_DEFAULTS, CHECKS, options);
  checkShape('transform: shape', resolved.shape);
  for (const [pattern, shape] of Object.entries(resolved.routes)) {
    if (shape !== false) checkShape(`transform: route "${pattern}"`, shape);
  }
  return resolved;
}

function checkShape(owner: string, given: Shape): void {
  const { fields, envelope, links, pagination, versions } = resolveOptions<Shape>(
    owner,
    {},
    SHAPE_CHECKS,
    given,
  );
  if (typeof fields === 'object') {
    resolveOptions<FieldSelection>(`${owner}, fields`, {}, SELECTION_CHECKS, fields);
  }
  if (typeof envelope === 'object') {
    resolveOptions<Envelope>(`${owner}, envelope`, {}, ENVELOPE_CHECKS, envelope);
  }
  if (typeof pagination === 'object') {
    resolveOptions<PlacedPage>(`${owner}, pagination`, {}, PAGE_CHECKS, pagination);
  }
  for (const [name, link] of Object.entries(links ?? {})) {
    resolveOptions<Partial<Link>>(`${owner}, links "${name}"`, {}, LINK_CHECKS, link);
    if (link.href === undefined) {
      throw new OptionError(`${owner}, links "${name}"`, ['option "href" is missing.']);
    }
  }
  for (const [version, shape] of Object.entries(versions ?? {})) {
    checkShape(`${owner}, version "${version}"`, shape);
  }
}
