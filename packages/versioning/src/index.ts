export { type Change, type ChangeContext, defineChange } from './change.ts';
export type { Changelog, ChangelogEntry } from './changelog.ts';
export type { Brownout, Deprecation } from './deprecation.ts';
export {
  type OnDeprecated,
  VERSIONING_DEFAULTS,
  type VersioningOptions,
  type VersionSource,
} from './options.ts';
export type { Version } from './version-list.ts';
export type { ConsumerUsage, VersionUsage } from './usage.ts';
export { versioning, type Versioning } from './versioning.ts';
