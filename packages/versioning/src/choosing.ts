/**
 * Which version a request gets: what it says, else what its caller is pinned to, else the default.
 * What it says must be clear: an answer in a version that was guessed would be read as another.
 */
import { type Exchange, type MaybePromise, OptionError, ProblemError } from '@org/core';
import type { Request } from 'express';

import type { VersionRefusal } from './events.ts';
import type { VersioningOptions } from './options.ts';
import { type ReadSource, sourcesFor, type Stated, withoutAuthority } from './sources.ts';
import type { Version, VersionList } from './version-list.ts';

/** What a request says of itself. */
export interface Reading {
  /** The version that it asks for; absent where it does not. */
  readonly version: string | undefined;
  /** Its address, without the version. */
  readonly url: string;
}

/** A request that cannot be understood, and why. */
export class Misread extends ProblemError {
  readonly reason: VersionRefusal;

  constructor(reason: 'unknown' | 'invalid' | 'conflict', detail: string, list: VersionList) {
    super({
      code: `ERR_VERSION_${reason.toUpperCase()}`,
      status: 400,
      detail: `${detail} There are ${list.names.join(', ')}.`,
      extensions: { versions: list.names },
    });
    this.reason = reason;
  }
}

/** Finds the version of each request. */
export class Choosing {
  private readonly settings: Readonly<VersioningOptions>;
  private readonly versions: VersionList;
  private readonly readers: readonly ReadSource[];
  private readonly fallback: string;

  /** @throws OptionError for a default that is no version */
  constructor(settings: Readonly<VersioningOptions>, versions: VersionList) {
    this.settings = settings;
    this.versions = versions;
    this.readers = sourcesFor(settings, versions.isDated);
    this.fallback = fallbackOf(settings.default, versions);
  }

  /** @throws Misread for a version that there is not, that is none, or that two sources contradict */
  read(req: Request): Reading {
    let url = withoutAuthority(req.url);
    let stated: Stated | undefined;
    for (const read of this.readers) {
      const found = read(req, url);
      if (found === undefined) continue;
      url = found.url ?? url;
      if (stated === undefined) stated = found;
      else if (stated.text !== found.text) throw this.conflict(stated, found);
    }
    return { version: stated === undefined ? undefined : this.meant(stated), url };
  }

  /** The version of a request that does not say. @throws TypeError where `pin` names none that there is */
  unstated(exchange: Exchange): MaybePromise<string> {
    const { pin } = this.settings;
    const pinned = pin?.(exchange);
    return isPromise(pinned)
      ? Promise.resolve(pinned).then((late) => this.known(late))
      : this.known(pinned);
  }

  private known(pinned: Version | undefined): string {
    if (pinned === undefined) return this.fallback;
    const name = String(pinned);
    if (this.versions.placeOf(name) !== undefined) return name;
    throw new TypeError(
      `versioning: "pin" answered ${name}, which is none of ${this.versions.names.join(', ')}.`,
    );
  }

  private meant({ text, source }: Stated): string {
    const { versions } = this;
    if (versions.placeOf(text) !== undefined) return text;
    if (!versions.hasForm(text)) {
      throw new Misread('invalid', `"${shown(text)}" in the ${source} is no version.`, versions);
    }
    const before = this.settings.match === 'floor' ? versions.floorOf(text) : undefined;
    if (before !== undefined) return before;
    throw new Misread('unknown', `There is no version ${shown(text)}.`, versions);
  }

  private conflict(one: Stated, other: Stated): Misread {
    return new Misread(
      'conflict',
      `The ${one.source} asks for version ${shown(one.text)}, the ${other.source} for ${shown(other.text)}.`,
      this.versions,
    );
  }
}

/** A database's own promises are such, too. */
function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof (value as Partial<Promise<T>> | undefined)?.then === 'function';
}

function fallbackOf(given: Version, versions: VersionList): string {
  if (given === 'latest' || given === 'oldest') return versions[given];
  const name = String(given);
  if (versions.placeOf(name) !== undefined) return name;
  throw new OptionError('versioning', [
    `option "default" must be "oldest", "latest" or one of ${versions.names.join(', ')}, but is "${name}".`,
  ]);
}

/** What a caller sent, as an answer may show it. */
function shown(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
