/** Changes put together for each version, once: what an old request goes up through, and an answer down. */
import { type Check, OptionError, resolveOptions, routeTable, text } from '@org/core';

import type { Change, ChangeContext } from './change.ts';
import type { Version, VersionList } from './version-list.ts';

/** The changes between one version and the newest. */
export interface Chain {
  /** Oldest first. */
  readonly up: readonly PlacedChange[];
  /** Newest first. */
  readonly down: readonly PlacedChange[];
  readonly changesRequests: boolean;
  readonly changesValues: boolean;
}

/** A change that knows whom it concerns. */
export interface PlacedChange extends Change {
  readonly name: string;
  concerns(url: string): boolean;
}

/** The chain of each version, by its place in the list. @throws OptionError naming the change that is wrong */
export function chainsFor(versions: VersionList, changes: readonly Change[]): readonly Chain[] {
  const placed = changes
    .map((change, at) => place(versions, change, at))
    .toSorted((one, other) => versions.compare(one.name, other.name));
  return versions.names.map((name) => {
    const up = placed.filter((change) => versions.compare(change.name, name) > 0);
    return {
      up,
      down: up.toReversed(),
      changesRequests: up.some(({ request }) => request !== undefined),
      changesValues: up.some(
        ({ response, problem }) => response !== undefined || problem !== undefined,
      ),
    };
  });
}

/** The query of an older client, as the handlers know it. */
export function upgradeQuery(
  { up }: Chain,
  url: string,
  query: Readonly<Record<string, unknown>>,
  context: ChangeContext,
): object {
  let result = query;
  for (const { request, concerns } of up) {
    if (request?.query !== undefined && concerns(url)) {
      result = request.query(result, context) as typeof result;
    }
  }
  return result;
}

/** The body of an older client, as the handlers know it. */
export function upgradeBody(
  { up }: Chain,
  url: string,
  body: unknown,
  context: ChangeContext,
): unknown {
  let result = body;
  for (const { request, concerns } of up) {
    if (request?.body !== undefined && concerns(url)) result = request.body(result, context);
  }
  return result;
}

/** What handlers answer, as an older client knows it. */
export function downgrade(
  { down }: Chain,
  url: string,
  value: unknown,
  context: ChangeContext,
): unknown {
  let result = value;
  for (const change of down) {
    const translate = context.kind === 'problem' ? change.problem : change.response;
    if (translate !== undefined && change.concerns(url)) result = translate(result, context);
  }
  return result;
}

const VERSION: Check<Version> = {
  expected: 'a version',
  accepts: (value): value is Version => typeof value === 'string' || typeof value === 'number',
};

function place(versions: VersionList, change: Change, at: number): PlacedChange {
  const owner = `versioning: changes[${at}]`;
  const { version, description } = resolveOptions<Pick<Change, 'version' | 'description'>>(
    owner,
    { version: '', description: '' },
    {
      version: VERSION,
      description: text({ expected: 'a sentence for the changelog', pattern: /\S/ }),
    },
    { version: change.version, description: change.description },
  );
  const name = String(version);
  const found = versions.placeOf(name);
  if (found === undefined || description === '') {
    throw new OptionError(owner, [
      description === ''
        ? 'needs a "description", a sentence for the changelog.'
        : `is of version "${name}", which is none of ${versions.names.join(', ')}.`,
    ]);
  }
  if (found === 0) {
    throw new OptionError(owner, [
      `is of version "${name}", the oldest: nobody has an older one who would notice.`,
    ]);
  }
  const { routes } = change;
  const find =
    routes === undefined
      ? undefined
      : routeTable(owner, Object.fromEntries(routes.map((pattern) => [pattern, true])));
  return {
    ...change,
    name,
    concerns: (url) => find === undefined || find(url) === true,
  };
}
