export { type Change, type ChangeContext, defineChange, type RequestChange } from './change.ts';
export type { Changelog, ChangelogEntry } from './changelog.ts';
export type { Brownout, Deprecation } from './deprecation.ts';
export {
  type OnVersioningEvent,
  VERSIONING_CHANNEL,
  type VersioningEvent,
  type VersionRefusal,
} from './events.ts';
export {
  type Pin,
  VERSIONING_DEFAULTS,
  type VersioningOptions,
  type VersionSource,
} from './options.ts';
export type { Version } from './version-list.ts';
export type { ConsumerUsage, VersionUsage } from './usage.ts';
export { versioning, type Versioning } from './versioning.ts';
