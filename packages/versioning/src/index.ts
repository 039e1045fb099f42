export { versioning, VERSIONING_DEFAULTS, type VersioningOptions } from './versioning.ts';
