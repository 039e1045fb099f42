export type { DateStyle } from './formats.ts';
export type {
  Envelope,
  FieldSelection,
  FindPage,
  Link,
  Pagination,
  PlacedPage,
  Shape,
} from './shape.ts';
export { TRANSFORM_DEFAULTS, type TransformOptions } from './options.ts';
export { transform } from './transform.ts';
