export {
  type Asked,
  eager,
  type Eager,
  type Loads,
  type ManyOptions,
  type Source,
} from './eager.ts';
export {
  EAGER_DEFAULTS,
  type EagerOptions,
  type Key,
  type Loaded,
  type MakeBatcher,
  type Through,
} from './eager-options.ts';
export type { ExplainOn, Runner } from './explain.ts';
export { FINDING_CHANNEL, type QueryFinding } from './findings.ts';
export type { Fragment } from './fragment.ts';
export {
  keyset,
  type Keyset,
  KEYSET_DEFAULTS,
  type KeysetOptions,
  type Page,
  POSITION,
  type Seek,
  type SeekOptions,
} from './keyset.ts';
export { QUERY_DEFAULTS, type QueryOptions } from './options.ts';
export type { OrderColumn } from './order.ts';
export { query, type QueryWatch } from './query.ts';
export { QUERY_CHANNEL, type QueryRecord } from './query-record.ts';
export type { Queryable } from './watched-query.ts';
