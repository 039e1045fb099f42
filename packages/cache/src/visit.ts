/** A request as the cache reads it: which answer it asks for, and what it says of itself. */
import type { TLSSocket } from 'node:tls';
import type { Credentials, Exchange } from '@org/core';
import type { Request } from 'express';

import { type Directives, parseCacheControl } from './cache-control.ts';
import type { Bypass } from './events.ts';
import type { FindPolicy, Policy } from './policies.ts';

/** One request on its way through the cache. */
export class Visit {
  readonly exchange: Exchange;
  readonly policy: Policy;
  /** Origin, path, query and, where answers are kept apart, whose they are. */
  readonly key: string;
  /** It carries credentials that are no part of the key. */
  readonly credentialed: boolean;
  /** Credentials or a principal are part of the key. */
  readonly partitioned: boolean;
  /** `Cache-Control` of the request, where it is obeyed. */
  readonly directives: Directives | undefined;
  /** How often it has waited for another request in vain. */
  waits: number = 0;

  constructor(
    exchange: Exchange,
    policy: Policy,
    key: string,
    credentialed: boolean,
    partitioned: boolean,
    directives: Directives | undefined,
  ) {
    this.exchange = exchange;
    this.policy = policy;
    this.key = key;
    this.credentialed = credentialed;
    this.partitioned = partitioned;
    this.directives = directives;
  }
}

/** What reading takes. */
export interface ReadingOptions {
  readonly findPolicy: FindPolicy;
  readonly credentials: Credentials;
  readonly requestDirectives: boolean;
}

/** Reads a GET or HEAD; or why the cache stands aside. */
export function readVisit(exchange: Exchange, options: ReadingOptions): Visit | Bypass {
  const { req } = exchange;
  const url = req.originalUrl;
  const policy = options.findPolicy(url);
  if (policy === false) return 'policy';
  const key = policy.keyOf(originOf(req), url);
  if (key === undefined) return 'no-key';
  const { headers } = req;
  // These two are for the origin alone (RFC 9111 §4.3.2).
  if (headers['if-match'] !== undefined || headers['if-unmodified-since'] !== undefined) {
    return 'precondition';
  }
  const part = options.credentials.partOf(exchange, policy.partition);
  // One address has an answer for each version of the API, by whatever the version was chosen.
  const { version } = exchange;
  const versioned = version === undefined ? key : `${key}\n@${version}`;
  return new Visit(
    exchange,
    policy,
    part === undefined ? versioned : `${versioned}\n${part}`,
    part === undefined && options.credentials.carriedBy(req),
    part !== undefined,
    options.requestDirectives ? directivesOf(req) : undefined,
  );
}

/** The tag of an address: path and query, on whatever host and for whomever. */
export function addressTag(policy: Policy, url: string): string {
  return `=${policy.keyOf('', url) ?? url}`;
}

/** Scheme and authority as the application sees them: forwarded ones only from a trusted proxy. */
export function originOf(req: Request): string {
  const { app } = req;
  if (app !== undefined && Boolean(app.get('trust proxy'))) {
    return `${req.protocol}://${(req.host ?? '').toLowerCase()}`;
  }
  const host = (req.headers.host ?? '').toLowerCase();
  return (req.socket as TLSSocket).encrypted ? `https://${host}` : `http://${host}`;
}

function directivesOf({ headers }: Request): Directives | undefined {
  const field = headers['cache-control'];
  if (field !== undefined) return parseCacheControl(field);
  // What HTTP/1.0 said instead (RFC 9111 §5.4).
  if (headers.pragma !== undefined && /\bno-cache\b/i.test(headers.pragma)) {
    return parseCacheControl('no-cache');
  }
  return undefined;
}
