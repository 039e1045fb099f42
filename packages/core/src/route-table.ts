/** What holds for one address and not for another: values by Express' own path patterns. */
import { pathToRegexp } from 'path-to-regexp';

import { OptionError } from './options.ts';

/**
 * Finds the value for a URL's path and query, or for the `addressOf` a request; nothing where no
 * pattern matches.
 */
export type FindRoute<T> = (url: string) => T | undefined;

/**
 * Compiles values by pattern, such as `{ '/api/cities/:id': … }`. Patterns are compared in
 * the order in which they stand, as Express compares routes by default: without case, and
 * with or without a slash at the end.
 * @throws OptionError for a pattern that is none
 */
export function routeTable<T>(owner: string, routes: Readonly<Record<string, T>>): FindRoute<T> {
  const table = Object.entries(routes).map(([pattern, value]) => ({
    regexp: compilePattern(owner, pattern),
    value,
  }));
  if (table.length === 0) return () => undefined;
  return (url) => {
    const end = url.indexOf('?');
    const path = end === -1 ? url : url.slice(0, end);
    for (const { regexp, value } of table) if (regexp.test(path)) return value;
    return undefined;
  };
}

function compilePattern(owner: string, pattern: string): RegExp {
  // Addresses begin with a slash: it would never match.
  if (!/^\{?\//.test(pattern)) {
    throw new OptionError(owner, [`route "${pattern}" must begin with a slash.`]);
  }
  try {
    return pathToRegexp(pattern).regexp;
  } catch (error) {
    throw new OptionError(owner, [
      `route "${pattern}" is no path pattern of Express: ${(error as Error).message}.`,
    ]);
  }
}
