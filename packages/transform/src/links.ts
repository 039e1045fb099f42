/** Links of objects, made from templates such as `/cities/{id}`. */
import { codedPart } from './address.ts';
import type { Chosen } from './fields.ts';

/** A link, ready to be filled in. */
export interface LinkRule {
  readonly name: string;
  /** What stands before, between and behind the members. */
  readonly texts: readonly string[];
  /** The members, by path: one less than there are texts. */
  readonly paths: readonly (readonly string[])[];
}

/** How links are written: `links: { self: '/a' }`, or HAL's `_links: { self: { href: '/a' } }`. */
export interface LinkStyle {
  readonly member: 'links' | '_links';
  readonly write: (href: string) => unknown;
}

export const PLAIN_LINKS: LinkStyle = Object.freeze<LinkStyle>({
  member: 'links',
  write: (href) => href,
});

/** draft-kelly-json-hal §4.1.1 and §5. */
export const HAL_LINKS: LinkStyle = Object.freeze<LinkStyle>({
  member: '_links',
  write: (href) => ({ href }),
});

export function linkRuleOf(name: string, href: string): LinkRule {
  const parts = href.split(/\{([^{}]+)\}/);
  return {
    name,
    texts: parts.filter((_part, at) => at % 2 === 0),
    paths: parts.filter((_part, at) => at % 2 === 1).map((path) => path.split('.')),
  };
}

/** Whether a client that has chosen so gets any. */
export function wantsLinks(style: LinkStyle, chosen: Chosen | undefined): boolean {
  return chosen === undefined || chosen.all || linksChosen(style, chosen) !== undefined;
}

/** The links whose members are all there, those that `own` has already among them. */
export function linksOf(
  rules: readonly LinkRule[],
  style: LinkStyle,
  object: Readonly<Record<string, unknown>>,
  chosen: Chosen | undefined,
  own: unknown,
): unknown {
  // What the handler calls links, and is no object of them, is its own affair.
  if (own !== undefined && (typeof own !== 'object' || own === null || Array.isArray(own))) {
    return own;
  }
  const only = chosen === undefined || chosen.all ? undefined : linksChosen(style, chosen);
  const made: Record<string, unknown> = {};
  for (const rule of rules) {
    if (only !== undefined && !only.all && !only.members.has(rule.name)) continue;
    const href = hrefOf(rule, object);
    if (href !== undefined) made[rule.name] = style.write(href);
  }
  return { ...made, ...own };
}

function linksChosen(style: LinkStyle, chosen: Chosen): Chosen | undefined {
  return chosen.members.get(style.member) ?? chosen.rest;
}

function hrefOf({ texts, paths }: LinkRule, object: unknown): string | undefined {
  let href = texts[0]!;
  for (let at = 0; at < paths.length; at++) {
    const value = memberAt(object, paths[at]!);
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') {
      return undefined;
    }
    href += codedPart(String(value)) + texts[at + 1]!;
  }
  return href;
}

/** What stands at a path of own members; nothing where there is none. */
export function memberAt(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}
