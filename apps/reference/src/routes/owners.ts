/**
 * Who is calling: the owner that an `x-api-key` stands for. Keys are looked up by
 * their digest, so that the time of a look-up tells nothing of a key.
 */
import { createHash } from 'node:crypto';
import { type Exchange, exchangeOf, type ProblemError } from '@org/core';
import type { RequestHandler } from 'express';

import { problems } from '../problems.ts';

/** Lets those with a known key pass, and names them on the exchange. */
export function owners(apiKeys: ReadonlyMap<string, string>): RequestHandler {
  const byKey = ownersByKey(apiKeys);
  return function owner(req, res, next) {
    const key = req.get('x-api-key');
    const known = key === undefined ? undefined : byKey(key);
    if (known === undefined) {
      next(noOwner(key));
      return;
    }
    exchangeOf(req, res).principal = known;
    next();
  };
}

/** Who has sent a request: `owners` lets nobody pass without a name. */
export function ownerOf(exchange: Exchange): string {
  const owner = exchange.principal;
  if (owner === undefined) throw new Error('The route has no owner: mount owners() before it.');
  return owner;
}

/** Looks an owner up by a key; nothing for one that nobody has. */
export function ownersByKey(
  apiKeys: ReadonlyMap<string, string>,
): (key: string) => string | undefined {
  const byDigest = new Map([...apiKeys].map(([key, owner]) => [digest(key), owner]));
  return (key) => byDigest.get(digest(key));
}

function digest(key: string): string {
  return createHash('sha256').update(key).digest('base64');
}

function noOwner(key: string | undefined): ProblemError {
  // RFC 9110 §15.5.2: a 401 says how to authenticate.
  const headers = { 'WWW-Authenticate': 'ApiKey realm="trips", header="x-api-key"' };
  return key === undefined
    ? problems.apiKeyMissing('Send your API key in the header x-api-key.', undefined, { headers })
    : problems.apiKeyUnknown('No owner has this API key.', undefined, { headers });
}
