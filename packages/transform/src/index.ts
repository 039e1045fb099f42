export type { Envelope, FieldSelection, Link, Pagination, Shape } from './shape.ts';
export { TRANSFORM_DEFAULTS, type TransformOptions } from './options.ts';
export { transform } from './transform.ts';
