/**
 * What changed with a version, in both directions: requests of older clients are carried up to
 * it, answers for them down from it. Handlers know the newest version only.
 */
import type { Exchange, ValueKind } from '@org/core';

import type { Version } from './version-list.ts';

/** What a change is told besides the value. */
export interface ChangeContext {
  readonly exchange: Exchange;
  /** The version that the client asked for. */
  readonly version: string;
  /** The whole of an answer, a line of one, or the document of an error. */
  readonly kind: ValueKind;
}

/** One change. Its functions answer new values, and leave those that they are given as they are: a cache may hold them. */
export interface Change {
  /** The version that brought it. */
  readonly version: Version;
  /** What changed, in a sentence for the changelog. */
  readonly description: string;
  /** Express' path patterns of what it concerns. @default everything */
  readonly routes?: readonly string[];
  /** What older clients send, as clients of this version would. */
  readonly request?: {
    /** The parsed query. */
    query?(query: Readonly<Record<string, unknown>>, context: ChangeContext): object;
    /** The parsed body. */
    body?(body: unknown, context: ChangeContext): unknown;
  };
  /** What is given to `res.json` with a status below 400, or a line of `sendLines`, as clients of the version before know it. */
  response?(value: unknown, context: ChangeContext): unknown;
  /** The problem document of an error, or what is given to `res.json` with a status from 400, as clients of the version before know it. */
  problem?(document: unknown, context: ChangeContext): unknown;
}

/** A change with its types checked where it is written; frozen. */
export function defineChange(change: Change): Change {
  return Object.freeze({ ...change });
}
