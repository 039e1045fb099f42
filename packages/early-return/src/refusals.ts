/**
 * Requests that are refused by their head alone, before their body is read. The answers are
 * problem documents made once: saying no must cost next to nothing. What can only be refused
 * with certainty for some addresses is asked for by the application.
 */
import { addressOf, ProblemError, routeTable } from '@org/core';
import type { Request } from 'express';

import { type BodyRule, typeTest } from './bodies.ts';
import type { EdgeOptions } from './options.ts';
import { type Prepared, prepareProblem } from './prepared.ts';
import { bodyBytes } from './unread-body.ts';

/** Why a request was refused. A closed list: statistics are kept by it. */
export type Refusal = 'method' | 'url' | 'headers' | 'body' | 'length' | 'type' | 'route' | 'allow';

/** An answer, and what it is counted as. */
export interface Refused {
  readonly reason: Refusal;
  readonly answer: Prepared;
  /** The connection ends with it: what follows on it may not be what it seems (RFC 9110 §9.3.1). */
  readonly closes: boolean;
}

/** Answers the refusal of a request, or nothing. */
export type Refuse = (req: Request) => Refused | undefined;

type Headers = Readonly<Record<string, string>>;

/** Makes a refusal; `own` are headers that belong to it. */
export type MakeRefusal = (
  reason: Refusal,
  status: number,
  code: string,
  detail: string,
  own?: Headers,
  closes?: boolean,
) => Refused;

/** Compiles the refusals that look at nothing but the request's head. */
export function compileRefusals(options: Readonly<EdgeOptions>, refused: MakeRefusal): Refuse {
  const { maxUrlBytes, maxHeaderLines, maxHeaderBytes } = options;
  const maxRaw = maxHeaderLines * 2;
  const methods = options.methods === undefined ? undefined : new Set(options.methods);
  const refuseBody = compileBodies(options, refused);

  const notImplemented = refused(
    'method',
    501,
    'ERR_METHOD_NOT_IMPLEMENTED',
    `The methods of this service are ${options.methods?.join(', ') ?? ''}.`,
  );
  const urlTooLong = refused(
    'url',
    414,
    'ERR_URL_TOO_LONG',
    `Path and query may have ${maxUrlBytes} bytes together.`,
  );
  const tooManyHeaders = refused(
    'headers',
    431,
    'ERR_TOO_MANY_HEADERS',
    `A request may have ${maxHeaderLines} header lines.`,
  );
  const headersTooLarge = refused(
    'headers',
    431,
    'ERR_HEADERS_TOO_LARGE',
    `Names and values of the header lines may have ${maxHeaderBytes ?? 0} bytes together.`,
  );

  return (req) => {
    if (req.originalUrl.length > maxUrlBytes) return urlTooLong;
    const { rawHeaders } = req;
    if (rawHeaders.length > maxRaw) return tooManyHeaders;
    if (methods !== undefined && !methods.has(req.method)) return notImplemented;
    if (maxHeaderBytes !== undefined) {
      let total = 0;
      // Header text has one byte a character.
      for (const part of rawHeaders) total += part.length;
      if (total > maxHeaderBytes) return headersTooLarge;
    }
    return refuseBody?.(req);
  };
}

/** Compiles the refusals of bodies; nothing where every body is welcome. */
function compileBodies(
  { bodies, bodyless }: Readonly<EdgeOptions>,
  refused: MakeRefusal,
): Refuse | undefined {
  if (bodyless.length === 0 && Object.keys(bodies).length === 0) return undefined;
  const without = new Set(bodyless);
  const unexpected = refused(
    'body',
    400,
    'ERR_UNEXPECTED_BODY',
    'A request of this method to this address has no body.',
    {},
    true,
  );
  const rules = Object.entries(bodies).map(
    ([pattern, rule]) => [pattern, compileBody(rule, unexpected, refused)] as const,
  );
  const ruleFor = routeTable('early-return', Object.fromEntries(rules));
  return (req) => {
    const length = bodyBytes(req);
    if (length === 0) return undefined;
    if (without.has(req.method)) return unexpected;
    return ruleFor(addressOf(req))?.(req, length);
  };
}

function compileBody(
  rule: BodyRule,
  unexpected: Refused,
  refused: MakeRefusal,
): (req: Request, length: number) => Refused | undefined {
  if (rule === false) return () => unexpected;
  const { maxBytes = Number.POSITIVE_INFINITY, types } = rule;
  const tooLarge = refused(
    'length',
    413,
    'ERR_BODY_TOO_LARGE',
    `A body may have ${maxBytes} bytes here.`,
  );
  const accepts = types === undefined ? () => true : typeTest(types);
  const list = types?.join(', ') ?? '';
  const wrongType = (field: string): Refused =>
    refused(
      'type',
      415,
      'ERR_UNSUPPORTED_MEDIA_TYPE',
      `The type of a body must be one of ${list} here.`,
      { [field]: list },
    );
  // RFC 5789 §3.1; Accept-Post is the Linked Data Platform's (§7.1); for the rest RFC 9110 §15.5.16.
  const [ofPost, ofPatch, ofOthers] = ['Accept-Post', 'Accept-Patch', 'Accept'].map(wrongType);
  return (req, length) => {
    // A chunked body says no length: whoever reads it has to count.
    if (length !== Number.POSITIVE_INFINITY && length > maxBytes) return tooLarge;
    if (accepts(req.headers['content-type'])) return undefined;
    return req.method === 'POST' ? ofPost : req.method === 'PATCH' ? ofPatch : ofOthers;
  };
}

/** Makes refusals with the headers that every early answer has. */
export function refusalMaker(headers: Headers): MakeRefusal {
  return (reason, status, code, detail, own = {}, closes = false) => ({
    reason,
    answer: prepareProblem(
      // Of a 501 too: it is about what was asked for, not about what failed here.
      new ProblemError({ code, status, detail, expose: true, headers: own }),
      headers,
    ),
    closes,
  });
}
