/**
 * OPTIONS, answered from the router's own list of routes (RFC 9110 §9.3.7). A preflight of
 * CORS is for whoever does CORS, and an address whose routes take OPTIONS themselves is theirs.
 */
import { allowedMethods, allowHeader, type Exchange } from '@org/core';

const ALL = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/** Finds the value of `Allow` for an OPTIONS request; nothing where it is to go on. */
export function allowFinder(
  methods: readonly string[] | undefined,
): (exchange: Exchange) => string | undefined {
  const listed = allowedMethods();
  const all = methods?.join(', ') ?? ALL;
  return ({ req, clock }) => {
    const { headers } = req;
    if (headers.origin !== undefined && headers['access-control-request-method'] !== undefined) {
      return undefined;
    }
    // The asterisk form is about the server as a whole.
    if (req.url === '*') return all;
    if (req.app === undefined) return undefined;
    const found = listed(req, clock.monotonicMs());
    if (found === undefined || found.methods.has('OPTIONS') || found.methods.has('*')) {
      return undefined;
    }
    return allowHeader(found.methods);
  };
}
