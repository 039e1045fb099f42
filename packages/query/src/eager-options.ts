/** The options of a loader, their defaults and their checks. */
import {
  type Check,
  type Checks,
  type Exchange,
  func,
  type Given,
  integer,
  listOf,
  OptionError,
  resolveOptions,
  shape,
  text,
} from '@org/core';
import type { Request } from 'express';

import { identifier } from './identifier.ts';
import { type OrderColumn, orderColumns } from './order.ts';

/** The table between two others. */
export interface Through {
  readonly table: string;
  /** Its column that has the key which is loaded for. */
  readonly foreignKey: string;
  /** Its column that has the key of what is loaded. */
  readonly key: string;
}

/** What a loader can be told. */
export interface EagerOptions {
  /** Names the loader, for the statistics of `batcher`. @default `eager` and the table's name */
  readonly name: string | undefined;
  /** The table that is loaded from. Needed. */
  readonly from: string;
  /** Its column that names whose a row is: each key has a list of rows. */
  readonly foreignKey: string | undefined;
  /** Its unique column: each key has one row, or none; with `through` what the table between points at. */
  readonly key: string | undefined;
  /** The table between, where many have many. @default none */
  readonly through: Through | undefined;
  /** Columns that are read. @default all */
  readonly columns: readonly string[] | undefined;
  /** A further condition, as SQL of yours; the table is `t`, the one between `j`. @default none */
  readonly where: string | undefined;
  /** The order of each list. @default none */
  readonly orderBy: readonly OrderColumn[];
  /** Rows of each list at most. @default all */
  readonly limit: number | undefined;
  /** Keys of one statement at most; more are several statements. @default 1000 */
  readonly maxKeys: number;
  /** Makes the batches in the place of the loader's own: `batching.batcher` of `@org/batch`. @default its own */
  readonly batcher: MakeBatcher | undefined;
}

/** A key as drivers give them. */
export type Key = string | number | bigint;

/** What is loaded for a key: a list, or one row. */
export type Loaded = object[] | object | undefined;

/** Makes batches as `@org/batch` does: `load` gets the keys, and the request that they are of. */
export type MakeBatcher = (
  name: string,
  load: (
    keys: readonly Key[],
    context: { readonly exchange: Exchange | undefined },
  ) => Promise<readonly (Loaded | Error)[]>,
) => {
  for(scope: Request | Exchange): { load(key: Key): Promise<Loaded> };
  load(key: Key): Promise<Loaded>;
};

export const EAGER_DEFAULTS: Readonly<EagerOptions> = Object.freeze<EagerOptions>({
  name: undefined,
  from: '',
  foreignKey: undefined,
  key: undefined,
  through: undefined,
  columns: undefined,
  where: undefined,
  orderBy: Object.freeze([]),
  limit: undefined,
  maxKeys: 1000,
  batcher: undefined,
});

const between: Check<Through> = {
  ...shape<Through>('{ table, foreignKey, key }', []),
  accepts: (value): value is Through => {
    const { table, foreignKey, key } = (value ?? {}) as Partial<Through>;
    return [table, foreignKey, key].every((name) => identifier.accepts(name));
  },
};

const CHECKS: Checks<EagerOptions> = {
  name: text({ expected: 'a name of 1 to 100 characters', pattern: /^.{1,100}$/ }),
  from: identifier,
  foreignKey: identifier,
  key: identifier,
  through: between,
  columns: listOf(identifier),
  where: text(),
  orderBy: orderColumns,
  limit: integer({ min: 1 }),
  maxKeys: integer({ min: 1, max: 30_000 }),
  batcher: func<MakeBatcher>(),
};

/** @throws OptionError for unknown or wrong options, and where it is not said what is loaded by which column */
export function resolveEagerOptions(
  given: Given<EagerOptions> | undefined,
): Readonly<EagerOptions> {
  const options = resolveOptions('eager', EAGER_DEFAULTS, CHECKS, given);
  const { from, foreignKey, key, through, limit } = options;
  if (from === '')
    throw new OptionError('eager', ['option "from" is needed: the name of a table.']);
  if (through !== undefined && key === undefined) {
    throw new OptionError('eager', ['option "through" needs "key": the column that it points at.']);
  }
  if ((foreignKey === undefined) === (key === undefined)) {
    throw new OptionError('eager', [
      'either "foreignKey" is needed, for a list of rows of each key, or "key", for the one of each.',
    ]);
  }
  if (limit !== undefined && foreignKey === undefined && through === undefined) {
    throw new OptionError('eager', [
      'option "limit" is for lists: with "key" there is one of each.',
    ]);
  }
  return options;
}
