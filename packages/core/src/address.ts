/** Where a request goes, in the one spelling by which a rule for a route may be found. */
import type { Request } from 'express';

/**
 * The path of a request from the root, as Express' routers read it at this place in the chain:
 * without the origin of a target in absolute form (RFC 9112 §3.2.2), a fragment or white space at
 * its end, none of which may lead round a rule; and without a version that was taken off it.
 */
export function addressOf({ baseUrl, path }: Request): string {
  return baseUrl + path;
}
