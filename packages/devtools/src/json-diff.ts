/** What differs between two JSON values, by pointer (RFC 6901). */
import { pointerToken } from '@org/core';

import type { Changes } from './changes.ts';
import { mask } from './mask.ts';

/** How deep values are compared; what is deeper is compared as text. */
const MAX_DEPTH = 64;
/** How much of a value is shown. */
const MAX_SHOWN_LENGTH = 300;

/** How far from the begin of its request a moment may lie that is taken for that of the answer, in ms. */
const NEAR_MS = 3_600_000;

/** A value, and when the request for it began, in ms since the epoch. */
export interface TimedJson {
  readonly json: unknown;
  readonly at: number;
}

/** @param volatile pointers that are left out; `*` stands for any member */
export function jsonChanges(
  before: TimedJson,
  after: TimedJson,
  volatile: readonly string[],
  changes: Changes,
): void {
  /** Texts that look alike once masked, and numbers that are each the moment of its own answer. */
  const isMasked = (was: unknown, is: unknown): boolean =>
    typeof was === 'string' && typeof is === 'string'
      ? mask(was) === mask(is)
      : isMoment(was, before.at) && isMoment(is, after.at);

  const rules = volatile.map((pointer) => pointer.split('/'));
  const path: string[] = [''];

  const isVolatile = (): boolean =>
    rules.some(
      (rule) =>
        rule.length === path.length &&
        rule.every((segment, at) => segment === '*' || segment === path[at]),
    );

  const within = (name: string, compare: () => void): void => {
    path.push(pointerToken(name));
    if (!changes.isFull) compare();
    path.pop();
  };

  const differ = (was: unknown, is: unknown): void => {
    if (isVolatile() || isMasked(was, is)) changes.masked++;
    else {
      changes.add({ part: 'body', at: path.join('/'), before: shown(was), after: shown(is) });
    }
  };

  const compare = (was: unknown, is: unknown): void => {
    if (was === is) return;
    if (Array.isArray(was) && Array.isArray(is) && path.length < MAX_DEPTH) {
      compareLists(was, is);
    } else if (isObject(was) && isObject(is) && path.length < MAX_DEPTH) {
      for (const name of new Set([...Object.keys(was), ...Object.keys(is)])) {
        const [one, other] = [own(was, name), own(is, name)];
        within(name, () =>
          one === undefined || other === undefined ? differ(one, other) : compare(one, other),
        );
      }
    } else if (JSON.stringify(was) !== JSON.stringify(is)) differ(was, is);
  };

  /** What two lists begin and end with alike is no change: a row that comes first moves the others. */
  const compareLists = (was: readonly unknown[], is: readonly unknown[]): void => {
    const [one, other] = [was.map(looks), is.map(looks)];
    let start = 0;
    let end = 0;
    if (was.length !== is.length) {
      const least = Math.min(was.length, is.length);
      while (start < least && one[start] === other[start]) start++;
      while (end < least - start && one.at(-1 - end) === other.at(-1 - end)) end++;
    }
    // Those that look alike are compared all the same, for what is masked in them.
    for (let at = 0; at < start; at++) within(String(at), () => compare(was[at], is[at]));
    const [wasLeft, isLeft] = [was.length - start - end, is.length - start - end];
    for (let at = 0; at < Math.max(wasLeft, isLeft); at++) {
      const place = start + at;
      within(String(place), () => {
        if (at >= wasLeft) differ(undefined, is[place]);
        else if (at >= isLeft) differ(was[place], undefined);
        else compare(was[place], is[place]);
      });
    }
  };

  compare(before.json, after.json);
}

/** In ms or in s since the epoch. */
function isMoment(value: unknown, at: number): boolean {
  return (
    typeof value === 'number' &&
    (Math.abs(value - at) < NEAR_MS || Math.abs(value * 1000 - at) < NEAR_MS)
  );
}

function looks(value: unknown): string {
  return mask(JSON.stringify(value));
}

/** A value as a change tells it: `undefined` for what is not there, cut where it is long. */
function shown(value: unknown): unknown {
  if (value === undefined) return undefined;
  const text = JSON.stringify(value);
  return text.length <= MAX_SHOWN_LENGTH ? value : `${text.slice(0, MAX_SHOWN_LENGTH)}…`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(value: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}
