/** Changes put together for each version, once: what an old request goes up through, and an answer down. */
import { type FindRoute, OptionError, routeTable } from '@org/core';

import { type Change, type ChangeContext, checkChange } from './change.ts';
import type { VersionList } from './version-list.ts';

/** One side of one change. */
export type Translate = (value: unknown, context: ChangeContext) => unknown;

/** All that lies between one version and the newest for an address: upwards oldest first, downwards newest first. */
export interface Passage {
  readonly query: readonly Translate[];
  readonly body: readonly Translate[];
  readonly response: readonly Translate[];
  readonly problem: readonly Translate[];
}

/** A change whose place among the versions, and whose routes, are known. */
interface PlacedChange {
  readonly change: Change;
  readonly name: string;
  /** Absent where it concerns everything. */
  readonly find: FindRoute<true> | undefined;
}

/** Routes may overlap in as many ways as there are patterns; more ways than this are not kept. */
const MAX_PASSAGES = 1000;

/** The changes between one version and the newest. */
export class Chain {
  /** Whether any of them changes what older clients send. */
  readonly changesRequests: boolean;
  /** Whether any of them changes what they get. */
  readonly changesValues: boolean;
  /** Whether they differ by route. */
  readonly isRouted: boolean;
  /** Oldest first. */
  private readonly changes: readonly PlacedChange[];
  private readonly everywhere: Passage | undefined;
  /** By which of the changes concern an address: addresses are many, these are few. */
  private readonly passages: Map<string, Passage> = new Map();

  constructor(changes: readonly PlacedChange[]) {
    this.changes = changes;
    const all = changes.map(({ change }) => change);
    this.changesRequests = all.some(({ request }) => request !== undefined);
    this.changesValues = all.some((one) => (one.response ?? one.problem) !== undefined);
    this.isRouted = changes.some(({ find }) => find !== undefined);
    this.everywhere = this.isRouted ? undefined : passageThrough(all);
  }

  /** What a value goes through at this path, which is without the version. */
  passageAt(url: string): Passage {
    if (this.everywhere !== undefined) return this.everywhere;
    let which = '';
    for (const { find } of this.changes) {
      which += find === undefined || find(url) === true ? '1' : '0';
    }
    const known = this.passages.get(which);
    if (known !== undefined) return known;
    const concerned = this.changes.filter((_change, at) => which[at] === '1');
    const passage = passageThrough(concerned.map(({ change }) => change));
    if (this.passages.size < MAX_PASSAGES) this.passages.set(which, passage);
    return passage;
  }
}

/** The chain of each version, by its place in the list. @throws OptionError naming the change that is wrong */
export function chainsFor(versions: VersionList, changes: readonly Change[]): readonly Chain[] {
  const placed = changes
    .map((change, at) => place(versions, change, at))
    .toSorted((one, other) => versions.compare(one.name, other.name));
  return versions.names.map(
    (name) => new Chain(placed.filter((change) => versions.compare(change.name, name) > 0)),
  );
}

/** What becomes of a value on its way. */
export function translate(
  passage: readonly Translate[],
  value: unknown,
  context: ChangeContext,
): unknown {
  let result = value;
  for (const one of passage) result = one(result, context);
  return result;
}

function passageThrough(changes: readonly Change[]): Passage {
  const down = changes.toReversed();
  return {
    query: present(changes.map(({ request }) => request?.query as Translate | undefined)),
    body: present(changes.map(({ request }) => request?.body)),
    response: present(down.map(({ response }) => response)),
    problem: present(down.map(({ problem }) => problem)),
  };
}

function present(sides: readonly (Translate | undefined)[]): readonly Translate[] {
  return sides.filter((side) => side !== undefined);
}

function place(versions: VersionList, change: Change, at: number): PlacedChange {
  const owner = `versioning: changes[${at}]`;
  checkChange(owner, change);
  const name = String(change.version);
  const found = versions.placeOf(name);
  if (found === undefined) {
    throw new OptionError(owner, [
      `is of version "${name}", which is none of ${versions.names.join(', ')}.`,
    ]);
  }
  if (found === 0) {
    throw new OptionError(owner, [
      `is of version "${name}", the oldest: nobody has an older one who would notice.`,
    ]);
  }
  const { routes } = change;
  return {
    change,
    name,
    find:
      routes === undefined
        ? undefined
        : routeTable(owner, Object.fromEntries(routes.map((pattern) => [pattern, true as const]))),
  };
}
