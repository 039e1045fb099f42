export { transform, TRANSFORM_DEFAULTS, type TransformOptions } from './transform.ts';
