/**
 * What changed with a version, in both directions: requests of older clients are carried up to
 * it, answers for them down from it. Handlers know the newest version only.
 */
import {
  type Check,
  type Checks,
  type Exchange,
  func,
  listOf,
  OptionError,
  resolveOptions,
  text,
  type ValueKind,
} from '@org/core';

import { type Version, versionCheck } from './version-list.ts';

/** What a change is told besides the value. */
export interface ChangeContext {
  readonly exchange: Exchange;
  /** The version that the client asked for. */
  readonly version: string;
  /** The whole of an answer, a line of one, or the document of an error. */
  readonly kind: ValueKind;
}

/** What older clients send, as clients of the version of the change would. */
export interface RequestChange {
  /** The parsed query. */
  query?(query: Readonly<Record<string, unknown>>, context: ChangeContext): object;
  /** The parsed body. */
  body?(body: unknown, context: ChangeContext): unknown;
}

/**
 * One change. Its functions answer new values, and leave those that they are given as they are: a
 * cache may hold them. They may state the types that they expect: `response(city: City) { … }`.
 */
export interface Change {
  /** The version that brought it. */
  readonly version: Version;
  /** What changed, in a sentence for the changelog. */
  readonly description: string;
  /** Express' path patterns of what it concerns, as whole addresses without the version. @default everything */
  readonly routes?: readonly string[];
  readonly request?: RequestChange;
  /** What is given to `res.json` with a status below 400, or a line of `sendLines`, as clients of the version before know it. */
  response?(value: unknown, context: ChangeContext): unknown;
  /** The problem document of an error, or what is given to `res.json` with a status from 400, as clients of the version before know it. */
  problem?(document: unknown, context: ChangeContext): unknown;
}

/** A change with its types checked where it is written; frozen. `versioning` checks what it says. */
export function defineChange(change: Change): Change {
  return Object.freeze({ ...change });
}

const requestChange: Check<RequestChange> = {
  expected: 'an object with "query" or "body"',
  accepts: (value): value is RequestChange => typeof value === 'object' && value !== null,
};

const CHECKS: Checks<Change> = Object.freeze<Checks<Change>>({
  version: versionCheck,
  description: text({ expected: 'a sentence for the changelog', pattern: /\S/ }),
  routes: listOf(text({ expected: 'a path pattern', pattern: /^\// })),
  request: requestChange,
  response: func(),
  problem: func(),
});

const REQUEST_CHECKS: Checks<RequestChange> = Object.freeze<Checks<RequestChange>>({
  query: func(),
  body: func(),
});

/** @throws OptionError for what a change is not, or lacks; `owner` names the change */
export function checkChange(owner: string, change: Change): void {
  // What is needed has no default: an empty one would pass for one that was given.
  resolveOptions<Change>(owner, { version: '', description: '' }, CHECKS, change);
  for (const name of ['version', 'description'] as const) {
    if (change[name] === undefined) throw new OptionError(owner, [`needs "${name}".`]);
  }
  resolveOptions<RequestChange>(`${owner}.request`, {}, REQUEST_CHECKS, change.request);
}
