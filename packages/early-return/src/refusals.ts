/** What is refused by looking at the request line and the head alone, before anything is spent on it. */
import { allowedMethods, type Exchange, type FindRoute, routeTable } from '@org/core';
import type { Request } from 'express';

import type { Reason } from './events.ts';
import type { EarlyReturnOptions, RouteLimits } from './options.ts';
import type { Answers, Prebuilt } from './prebuilt.ts';

/** A refusal and why. */
export interface Refusal {
  readonly reason: Reason;
  readonly answer: Prebuilt;
}

/** Judges a request; nothing where it may go on. */
export class Refusals {
  private readonly options: Readonly<EarlyReturnOptions>;
  private readonly methods: ReadonlySet<string> | undefined;
  private readonly findLimits: FindRoute<RouteLimits>;
  private readonly limitsBodies: boolean;
  private readonly listed = allowedMethods();
  private readonly made: Readonly<
    Record<'method' | 'url' | 'count' | 'bytes' | 'unknown', Prebuilt>
  >;
  private readonly answers: Answers;
  /** By what is said in them: there are as many as there are limits. */
  private readonly bodyAnswers: Map<string, Prebuilt> = new Map();

  constructor(options: Readonly<EarlyReturnOptions>, answers: Answers) {
    const { methods, maxUrlLength, maxHeaderCount, maxHeaderBytes } = options;
    this.options = options;
    this.answers = answers;
    this.methods = methods === undefined ? undefined : new Set(methods);
    this.findLimits = routeTable('earlyReturn', options.routes);
    this.limitsBodies =
      options.contentTypes !== undefined ||
      options.maxBodyBytes !== undefined ||
      Object.keys(options.routes).length > 0;
    this.made = {
      // RFC 9110 §15.6.2: a method that is not supported for any resource.
      method: answers.problem(
        'ERR_METHOD_NOT_IMPLEMENTED',
        501,
        `This service takes ${(methods ?? []).join(', ')}.`,
        { Allow: (methods ?? []).join(', ') },
      ),
      url: answers.problem(
        'ERR_URL_TOO_LONG',
        414,
        `An address may have at most ${maxUrlLength} characters.`,
      ),
      // RFC 6585 §5.
      count: answers.problem(
        'ERR_TOO_MANY_HEADERS',
        431,
        `A request may have at most ${maxHeaderCount} header fields.`,
      ),
      bytes: answers.problem(
        'ERR_HEADERS_TOO_LARGE',
        431,
        `The header fields of a request may have at most ${maxHeaderBytes ?? 0} bytes.`,
      ),
      unknown: answers.problem('ERR_NOT_FOUND', 404, 'There is nothing at this address.'),
    };
  }

  /** What the request line and the number of headers say: for every request, so only comparisons. */
  ofHead({ req }: Exchange): Refusal | undefined {
    const { maxUrlLength, maxHeaderCount, maxHeaderBytes } = this.options;
    if (this.methods !== undefined && !this.methods.has(req.method)) {
      return { reason: 'method', answer: this.made.method };
    }
    if (req.url.length > maxUrlLength) return { reason: 'url-length', answer: this.made.url };
    if (req.rawHeaders.length > maxHeaderCount * 2) {
      return { reason: 'header-count', answer: this.made.count };
    }
    if (maxHeaderBytes !== undefined && headerBytes(req) > maxHeaderBytes) {
      return { reason: 'header-bytes', answer: this.made.bytes };
    }
    return undefined;
  }

  /** What the head says of the body. */
  ofBody({ req }: Exchange): Refusal | undefined {
    if (!this.limitsBodies) return undefined;
    const { 'content-length': declared, 'transfer-encoding': coding } = req.headers;
    if (coding === undefined && (declared === undefined || declared === '0')) return undefined;
    const own = this.findLimits(req.originalUrl);
    const maxBodyBytes = own?.maxBodyBytes ?? this.options.maxBodyBytes;
    if (maxBodyBytes !== undefined && Number(declared ?? 0) > maxBodyBytes) {
      const detail = `A body may have at most ${maxBodyBytes} bytes here.`;
      return { reason: 'body-bytes', answer: this.bodyAnswer('ERR_BODY_TOO_LARGE', 413, detail) };
    }
    const types = own?.contentTypes ?? this.options.contentTypes;
    if (types === undefined || takes(types, req.headers['content-type'])) return undefined;
    const list = types.join(', ');
    return {
      reason: 'content-type',
      // RFC 9110 §12.5.1, RFC 5789 §3.1: what would be taken instead.
      answer: this.bodyAnswer('ERR_CONTENT_TYPE', 415, `Bodies here are ${list}.`, {
        Accept: list,
        'Accept-Post': list,
        'Accept-Patch': list,
      }),
    };
  }

  /** Whether no listed route has the address. */
  ofRoute(exchange: Exchange): Refusal | undefined {
    if (!this.options.refuseUnknown) return undefined;
    const { req, clock } = exchange;
    // Without a list nothing is known.
    if (req.app === undefined || this.listed(req, clock.monotonicMs()) !== undefined) {
      return undefined;
    }
    return { reason: 'unknown-route', answer: this.made.unknown };
  }

  private bodyAnswer(
    code: string,
    status: number,
    detail: string,
    headers: Readonly<Record<string, string>> = {},
  ): Prebuilt {
    let known = this.bodyAnswers.get(detail);
    if (known === undefined) {
      known = this.answers.problem(code, status, detail, headers);
      this.bodyAnswers.set(detail, known);
    }
    return known;
  }
}

/** Names, values, and the four characters around each pair on the wire. */
function headerBytes({ rawHeaders }: Request): number {
  let size = rawHeaders.length * 2;
  for (const part of rawHeaders) size += part.length;
  return size;
}

function takes(types: readonly string[], given: string | undefined): boolean {
  if (given === undefined) return false;
  const end = given.indexOf(';');
  const type = (end === -1 ? given : given.slice(0, end)).trim().toLowerCase();
  return types.some((one) =>
    one.endsWith('/*') ? type.startsWith(one.slice(0, -1)) : type === one.toLowerCase(),
  );
}
