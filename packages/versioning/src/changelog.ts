/** The changelog of an API, from the changes that make it: it cannot fall behind. */
import type { RequestHandler } from 'express';

import type { Change } from './change.ts';
import type { Ending } from './deprecation.ts';
import type { VersionList } from './version-list.ts';

/** What there is to say of one version. */
export interface ChangelogEntry {
  readonly version: string;
  /** `latest`, `supported`, or `deprecated` where that is announced. */
  readonly status: 'latest' | 'supported' | 'deprecated';
  /** In ms since the epoch. */
  readonly deprecatedAt?: number;
  /** In ms since the epoch. */
  readonly sunsetAt?: number;
  readonly changes: readonly {
    readonly description: string;
    readonly routes?: readonly string[];
  }[];
}

/** Newest first; as text it is Markdown. */
export interface Changelog {
  readonly entries: readonly ChangelogEntry[];
  toString(): string;
}

export function changelogOf(
  versions: VersionList,
  changes: readonly Change[],
  endings: ReadonlyMap<string, Ending>,
): Changelog {
  const entries = versions.names.toReversed().map((version): ChangelogEntry => {
    const ending = endings.get(version);
    return {
      version,
      status:
        version === versions.latest ? 'latest' : ending === undefined ? 'supported' : 'deprecated',
      ...(ending === undefined ? {} : { deprecatedAt: ending.deprecatedAt }),
      ...(ending?.sunsetAt === undefined ? {} : { sunsetAt: ending.sunsetAt }),
      changes: changes
        .filter((change) => String(change.version) === version)
        .map(({ description, routes }) => ({
          description,
          ...(routes === undefined ? {} : { routes }),
        })),
    };
  });
  return { entries, toString: () => entries.map(markdownOf).join('\n') };
}

/** Answers with the changelog, as JSON or as Markdown. Made as text once: no change of any version touches it. */
export function changelogHandler(changelog: Changelog): RequestHandler {
  const json = JSON.stringify({ versions: changelog.entries });
  const markdown = String(changelog);
  return function versions(_req, res) {
    res.format({
      'application/json': () => void res.send(json),
      'text/markdown': () => void res.send(markdown),
    });
  };
}

function markdownOf({ version, deprecatedAt, sunsetAt, changes }: ChangelogEntry): string {
  const end = [
    ...(deprecatedAt === undefined ? [] : [`Deprecated as of ${dayOf(deprecatedAt)}.`]),
    ...(sunsetAt === undefined ? [] : [`Ends on ${dayOf(sunsetAt)}.`]),
  ].join(' ');
  const lines = changes.map(({ description, routes }) => {
    const where = routes?.map((route) => `\`${route}\``).join(', ');
    return `- ${description}${where === undefined ? '' : ` (${where})`}`;
  });
  return [
    `## ${version}`,
    ...(end === '' ? [] : ['', end]),
    '',
    ...(lines.length > 0 ? lines : ['- The first version.']),
    '',
  ].join('\n');
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
