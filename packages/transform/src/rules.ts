/** Paths of a shape, put together: what holds for the members of each object. */
import { fixedFormat, type Format, instantFormat, roundedFormat } from './formats.ts';
import { type LinkRule, linkRuleOf } from './links.ts';
import type { Shape } from './shape.ts';

/** What holds at one place. */
export interface Rules {
  readonly members: ReadonlyMap<string, Rules>;
  /** For members without rules of their own. */
  readonly any: Rules | undefined;
  readonly redacted: boolean;
  readonly dictionary: boolean;
  /** How a date or a number is written. */
  readonly format: Format | undefined;
  readonly links: readonly LinkRule[];
}

interface Growing {
  readonly members: Map<string, Growing>;
  any: Growing | undefined;
  redacted: boolean;
  dictionary: boolean;
  format: Format | undefined;
  readonly links: LinkRule[];
}

/** What begins the path of a member that is redacted wherever it stands. */
export const ANYWHERE = '**.';

/** Puts the paths of a shape together; nothing where it has none. */
export function rulesOf(shape: Shape): Rules | undefined {
  const { redact = [], dictionaries = [], decimals = {}, fixed = {}, dates, links = {} } = shape;
  const root = grow();
  for (const path of redact) {
    if (!path.startsWith(ANYWHERE)) placeOf(root, path).redacted = true;
  }
  for (const path of dictionaries) placeOf(root, path).dictionary = true;
  for (const [path, places] of Object.entries(decimals)) {
    placeOf(root, path).format = roundedFormat(places);
  }
  for (const [path, places] of Object.entries(fixed)) {
    placeOf(root, path).format = fixedFormat(places);
  }
  for (const [path, style] of typeof dates === 'object' ? Object.entries(dates) : []) {
    placeOf(root, path).format = instantFormat(style);
  }
  for (const [name, { at, href }] of Object.entries(links)) {
    const place = at === undefined ? root : placeOf(root, at);
    place.links.push(linkRuleOf(name, href));
  }
  const empty = root.members.size === 0 && root.any === undefined && root.links.length === 0;
  if (empty) return undefined;
  share(root);
  return root;
}

/** Names of members that are redacted wherever they stand; nothing where there are none. */
export function redactedAnywhere({ redact = [] }: Shape): ReadonlySet<string> | undefined {
  const paths = redact.filter((path) => path.startsWith(ANYWHERE));
  if (paths.length === 0) return undefined;
  return new Set(paths.map((path) => path.slice(ANYWHERE.length)));
}

function grow(): Growing {
  return {
    members: new Map(),
    any: undefined,
    redacted: false,
    dictionary: false,
    format: undefined,
    links: [],
  };
}

function placeOf(root: Growing, path: string): Growing {
  let at = root;
  for (const name of path.split('.')) {
    if (name === '*') {
      at = at.any ??= grow();
    } else {
      let next = at.members.get(name);
      if (next === undefined) {
        next = grow();
        at.members.set(name, next);
      }
      at = next;
    }
  }
  return at;
}

/** What holds for any member holds for those that have rules of their own. */
function share(at: Growing): void {
  for (const member of at.members.values()) {
    if (at.any !== undefined) merge(member, at.any);
    share(member);
  }
  if (at.any !== undefined) share(at.any);
}

function merge(into: Growing, from: Growing): void {
  into.redacted ||= from.redacted;
  into.dictionary ||= from.dictionary;
  into.format ??= from.format;
  into.links.push(...from.links);
  for (const [name, rules] of from.members) {
    const own = into.members.get(name) ?? grow();
    into.members.set(name, own);
    merge(own, rules);
  }
  if (from.any !== undefined) merge((into.any ??= grow()), from.any);
}
