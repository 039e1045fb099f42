/** The versions of an API, as `@org/versioning` has them: dates, or whole numbers. */
import { type Check, OptionError } from '@org/core';

/** A version: a date such as `2026-11-01`, or a whole number such as `2`. */
export type Version = string | number;

/** What changed with a version; a change of `@org/versioning` is one. */
export interface VersionChange {
  readonly version: Version;
  readonly description: string;
  /** Patterns of the routes that it concerns. @default everything */
  readonly routes?: readonly string[];
}

const VERSION = /^(?:\d{4}-\d\d-\d\d|0|[1-9]\d{0,8})$/;

export const versionCheck: Check<Version> = {
  expected: 'a version, a date such as "2026-11-01" or a whole number',
  accepts: (value): value is Version =>
    (typeof value === 'string' || typeof value === 'number') && VERSION.test(String(value)),
};

/** Orders versions: whole numbers by their value, dates as text. */
export function compareVersions(one: Version, other: Version): number {
  const [a, b] = [Number(one), Number(other)];
  if (!Number.isNaN(a) && !Number.isNaN(b)) return a - b;
  return String(one) < String(other) ? -1 : Number(String(one) !== String(other));
}

/** The names of versions, oldest first. @throws OptionError for one that is named twice */
export function orderVersions(versions: readonly Version[]): readonly string[] {
  const names = versions.toSorted(compareVersions).map(String);
  if (new Set(names).size < names.length) {
    throw new OptionError('openapi', [
      `option "versions" names a version twice: [${names.join(', ')}].`,
    ]);
  }
  return Object.freeze(names);
}

/** Whether something that there is from `since` to `until`, both included, is in a version. */
export function isIn(version: string | undefined, since?: Version, until?: Version): boolean {
  if (version === undefined) return until === undefined;
  return (
    (since === undefined || compareVersions(since, version) <= 0) &&
    (until === undefined || compareVersions(version, until) <= 0)
  );
}

/** What stands under the oldest name that is not before `version`; nothing where all of them are. */
export function earliestFor<T>(
  version: string | undefined,
  byVersion: Readonly<Record<string, T>> = {},
): T | undefined {
  if (version === undefined) return undefined;
  const name = Object.keys(byVersion)
    .filter((one) => compareVersions(version, one) <= 0)
    .toSorted(compareVersions)[0];
  return name === undefined ? undefined : byVersion[name];
}
