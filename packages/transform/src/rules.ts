/** Paths of a shape, put together: what holds for the members of each object. */

/** What holds at one place. */
export interface Rules {
  readonly members: ReadonlyMap<string, Rules>;
  /** For members without rules of their own. */
  readonly any: Rules | undefined;
  readonly redacted: boolean;
  readonly dictionary: boolean;
  readonly decimals: number | undefined;
  readonly links: readonly LinkRule[];
}

/** A link, ready to be filled in. */
export interface LinkRule {
  readonly name: string;
  /** Text, and between two texts the name of a member. */
  readonly parts: readonly string[];
}

interface Growing {
  readonly members: Map<string, Growing>;
  any: Growing | undefined;
  redacted: boolean;
  dictionary: boolean;
  decimals: number | undefined;
  readonly links: LinkRule[];
}

/** What a shape says of paths. */
export interface PathRules {
  readonly redact?: readonly string[];
  readonly dictionaries?: readonly string[];
  readonly decimals?: Readonly<Record<string, number>>;
  readonly links?: Readonly<Record<string, { readonly at?: string; readonly href: string }>>;
}

/** Puts the paths of a shape together; nothing where it has none. */
export function rulesOf(shape: PathRules): Rules | undefined {
  const { redact = [], dictionaries = [], decimals = {}, links = {} } = shape;
  const root = grow();
  for (const path of redact) placeOf(root, path).redacted = true;
  for (const path of dictionaries) placeOf(root, path).dictionary = true;
  for (const [path, count] of Object.entries(decimals)) placeOf(root, path).decimals = count;
  for (const [name, { at, href }] of Object.entries(links)) {
    const place = at === undefined ? root : placeOf(root, at);
    place.links.push({ name, parts: href.split(/\{([^{}]+)\}/) });
  }
  const empty = root.members.size === 0 && root.any === undefined && root.links.length === 0;
  if (empty) return undefined;
  share(root);
  return root;
}

function grow(): Growing {
  return {
    members: new Map(),
    any: undefined,
    redacted: false,
    dictionary: false,
    decimals: undefined,
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
  into.decimals ??= from.decimals;
  into.links.push(...from.links);
  for (const [name, rules] of from.members) {
    const own = into.members.get(name) ?? grow();
    into.members.set(name, own);
    merge(own, rules);
  }
  if (from.any !== undefined) merge((into.any ??= grow()), from.any);
}
