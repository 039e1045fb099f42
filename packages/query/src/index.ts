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
export type { OrderColumn } from './order.ts';
export type { Fragment } from './fragment.ts';
