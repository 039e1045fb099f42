/**
 * From Express' path patterns to the templates of a document (OpenAPI 3.1.1 §4.8.8): an optional
 * group makes one address with it and one without, and a wildcard is a parameter, though OpenAPI
 * has no word for one that may contain slashes.
 */
import { parse, type Token } from 'path-to-regexp';

/** One address of a pattern. */
export interface PathTemplate {
  /** Such as `/cities/{id}`. */
  readonly path: string;
  /** Names in the order in which they stand. */
  readonly names: readonly string[];
  /** What the route itself calls them, where another route of the address has named them first. */
  readonly ownNames: readonly string[];
  /** Those of them that may contain slashes. */
  readonly wildcards: ReadonlySet<string>;
}

type Part = string | { readonly name: string; readonly isWildcard: boolean };

/** Groups double the addresses, so a pattern has few. */
const MAX_TEMPLATES = 16;

/** The addresses of a pattern, the shortest first. @throws TypeError for what is no pattern */
export function pathTemplates(pattern: string): readonly PathTemplate[] {
  return expand(parse(pattern).tokens)
    .slice(0, MAX_TEMPLATES)
    .map((parts) => {
      const names = parts.flatMap((part) => (typeof part === 'string' ? [] : [part.name]));
      return {
        path:
          parts.map((part) => (typeof part === 'string' ? part : `{${part.name}}`)).join('') || '/',
        names,
        ownNames: names,
        wildcards: new Set(
          parts.flatMap((part) => (typeof part !== 'string' && part.isWildcard ? [part.name] : [])),
        ),
      };
    });
}

function expand(tokens: readonly Token[]): readonly (readonly Part[])[] {
  return tokens.reduce<readonly (readonly Part[])[]>(
    (begun, token) => {
      if (token.type === 'text') return begun.map((parts) => [...parts, token.value]);
      if (token.type === 'group') {
        const within = expand(token.tokens);
        return [...begun, ...begun.flatMap((parts) => within.map((more) => [...parts, ...more]))];
      }
      const part = { name: token.name, isWildcard: token.type === 'wildcard' };
      return begun.map((parts) => [...parts, part]);
    },
    [[]],
  );
}
