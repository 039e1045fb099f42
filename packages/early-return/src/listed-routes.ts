/**
 * Answers from the router's own list of routes: OPTIONS with a true Allow (RFC 9110 §9.3.7), and,
 * under the paths for which the application says that the list is the whole truth, refusals of
 * addresses and methods that no route takes (§15.5.5, §15.5.6). Every answer is made once.
 */
import { addressOf, allowedMethods, allowHeader, type Exchange } from '@org/core';
import type { Request } from 'express';

import type { EdgeOptions } from './options.ts';
import { type Prepared, prepare } from './prepared.ts';
import type { MakeRefusal, Refused } from './refusals.ts';

/** What the list of routes has to say about a request. */
export interface RouteAnswers {
  /** The answer to OPTIONS; nothing where it is somebody else's. */
  options(exchange: Exchange): Prepared | undefined;
  /** The refusal of an address, or of a method, that no route takes. */
  refuse(exchange: Exchange): Refused | undefined;
}

type Headers = Readonly<Record<string, string>>;

/** As many different sets of methods as an application may be expected to have; beyond it answers are made anew. */
const MAX_KEPT = 256;

export function compileRouteAnswers(
  { routesOnly, methods }: Readonly<EdgeOptions>,
  headers: Headers,
  refused: MakeRefusal,
): RouteAnswers {
  const look = allowedMethods();
  const within = routesOnly.map((path) => path.replace(/\/+$/, ''));
  const notFound = refused('route', 404, 'ERR_NOT_FOUND', 'There is nothing at this address.');
  const serverWide = prepare(204, [headers]);

  /** A method that is refused everywhere is allowed nowhere. */
  const allowOf = (listed: ReadonlySet<string>): string => {
    if (methods === undefined) return allowHeader(listed);
    return allowHeader(new Set([...listed].filter((one) => methods.includes(one))));
  };
  const allowed = keep((allow) => prepare(204, [headers, { Allow: allow }]));
  const notAllowed = keep((allow) =>
    refused('allow', 405, 'ERR_METHOD_NOT_ALLOWED', `This address allows ${allow}.`, {
      Allow: allow,
    }),
  );

  return {
    options({ req, clock }) {
      // Whoever does CORS answers these, and an answer without its headers is none to a browser.
      if (isForCors(req)) return undefined;
      // About the server and no resource of it: there is no list of methods that would be true.
      if (req.url === '*') return serverWide;
      const found = look(req, clock.monotonicMs());
      if (found === undefined || found.takes('OPTIONS')) return undefined;
      return allowed(allowOf(found.methods));
    },

    refuse({ req, clock }) {
      if (within.length === 0 || !isWithin(addressOf(req), within)) return undefined;
      if (req.method === 'OPTIONS' && isForCors(req)) return undefined;
      const found = look(req, clock.monotonicMs());
      if (found === undefined) return req.app === undefined ? undefined : notFound;
      return found.takes(req.method) || req.method === 'OPTIONS'
        ? undefined
        : notAllowed(allowOf(found.methods));
    },
  };
}

function isForCors({ headers }: Request): boolean {
  return headers.origin !== undefined || headers['access-control-request-method'] !== undefined;
}

/** Whether an address is one of the paths or below one. */
function isWithin(address: string, paths: readonly string[]): boolean {
  for (const path of paths) {
    if (!address.startsWith(path)) continue;
    const next = address[path.length];
    if (next === undefined || next === '/') return true;
  }
  return false;
}

/** Makes a thing once for each text. */
function keep<T>(make: (text: string) => T): (text: string) => T {
  const kept = new Map<string, T>();
  return (text) => {
    let known = kept.get(text);
    if (known === undefined) {
      known = make(text);
      if (kept.size < MAX_KEPT) kept.set(text, known);
    }
    return known;
  };
}
