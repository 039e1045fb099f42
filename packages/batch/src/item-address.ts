/**
 * What an item may ask for. A batch reaches the application behind everything that stands before
 * it, a proxy's rules among them: so the paths that it may reach are a list, and what could be
 * read in two ways is refused.
 */
import { OptionError } from '@org/core';
import { pathToRegexp } from 'path-to-regexp';

/** Says what is wrong with the address of an item; nothing where it is fine. `folder`: where the endpoint lies. */
export type AddressFault = (url: string, folder: string) => string | undefined;

const MAX_LENGTH = 4096;

/** Path and query in the characters of RFC 3986 §3.3 and §3.4, and brackets, which queries have. */
const FORM = /^\/(?!\/)(?:[\w\-.~!$&'()*+,;=:@/?[\]]|%[\dA-Fa-f]{2})*$/;

/** Makes the check. @throws OptionError for a pattern that is none */
export function addressCheck(paths: readonly string[] | undefined): AddressFault {
  const patterns = paths?.map(compile);
  return (url, folder) => {
    if (url.length > MAX_LENGTH) return `must have at most ${MAX_LENGTH} characters`;
    if (!FORM.test(url)) return 'must be a path with its query, such as /api/cities?limit=3';
    const path = url.split('?', 1)[0]!;
    if (path.split('/').some(isDotSegment)) return 'must not have "." or ".." among its segments';
    if (/%00/.test(path)) return 'must not have the character 0';
    const allowed =
      patterns === undefined
        ? path.startsWith(folder)
        : patterns.some((pattern) => pattern.test(path));
    return allowed ? undefined : 'is not among the paths that a batch may ask for';
  };
}

/** RFC 3986 §5.2.4; who reads the path later may decode it first. */
function isDotSegment(segment: string): boolean {
  const plain = segment.replaceAll(/%2e/gi, '.');
  return plain === '.' || plain === '..';
}

function compile(pattern: string): RegExp {
  try {
    return pathToRegexp(pattern).regexp;
  } catch (error) {
    throw new OptionError('batchEndpoint', [
      `option "paths" has "${pattern}", which is no path pattern: ${(error as Error).message}.`,
    ]);
  }
}
