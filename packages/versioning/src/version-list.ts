/** The versions of an API: all of them dates, or all of them whole numbers; oldest first. */
import { type Check, OptionError } from '@org/core';

/** A version: a date such as `2026-11-01`, or a whole number such as `2`. */
export type Version = string | number;

/** The option check for one; whether it is one of those that there are is judged elsewhere. */
export const versionCheck: Check<Version> = {
  expected: 'a version, a date such as "2026-11-01" or a whole number',
  accepts: (value): value is Version => typeof value === 'string' || typeof value === 'number',
};

const DATE = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;
const NUMBER = /^(?:0|[1-9]\d{0,8})$/;

/** The versions that there are, and how a text becomes one of them. */
export class VersionList {
  /** Oldest first. */
  readonly names: readonly string[];
  readonly isDated: boolean;
  private readonly places: ReadonlyMap<string, number>;

  /** @throws OptionError for none, for two forms, for one twice, and for what is neither form */
  constructor(versions: readonly Version[]) {
    const names = versions.map(String);
    this.isDated = names.every((name) => DATE.test(name));
    if (names.length === 0 || !(this.isDated || names.every((name) => NUMBER.test(name)))) {
      throw new OptionError('versioning', [
        `option "versions" must be a list of dates such as "2026-11-01", or of whole numbers, but is [${names.join(', ')}].`,
      ]);
    }
    this.names = Object.freeze(names.toSorted((a, b) => this.compare(a, b)));
    this.places = new Map(this.names.map((name, place) => [name, place]));
    if (this.places.size < names.length) {
      throw new OptionError('versioning', [
        `option "versions" names a version twice: [${names.join(', ')}].`,
      ]);
    }
  }

  get latest(): string {
    return this.names.at(-1)!;
  }

  get oldest(): string {
    return this.names[0]!;
  }

  /** Where a version stands, 0 for the oldest; nothing for one that there is not. */
  placeOf(name: string): number | undefined {
    return this.places.get(name);
  }

  /** Whether a text has the form of a version, whether or not there is one of that name. */
  hasForm(text: string): boolean {
    return (this.isDated ? DATE : NUMBER).test(text);
  }

  /** The newest version that is not after this one; nothing before the oldest. */
  floorOf(text: string): string | undefined {
    return this.names.findLast((name) => this.compare(name, text) <= 0);
  }

  /** Below 0 where the first is older. */
  compare(one: string, other: string): number {
    return this.isDated ? (one < other ? -1 : Number(one > other)) : Number(one) - Number(other);
  }
}
