/**
 * A stored answer as one request gets it: whole, or 304 where the client has it already
 * (RFC 9110 §13), or the range it asks for (§14). A HEAD gets what GET would get.
 */
import {
  answerWhole,
  type Exchange,
  type ResponseHead,
  ifRangeMatches,
  isNotModified,
} from '@org/core';
import type { Request } from 'express';

import type { Codings } from './codings.ts';
import type { Entry } from './entry.ts';
import { fieldText } from './field-text.ts';
import { codedTag, type Representation } from './representation.ts';
import type { HeaderSnapshot } from './stored-headers.ts';

/** What is sent. */
export interface Answer {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** The fields of a request that choose a form of the answer. */
export interface Wishes {
  readonly 'if-none-match': string | undefined;
  readonly 'if-modified-since': string | undefined;
  readonly range: string | undefined;
  readonly 'if-range': string | undefined;
  readonly 'accept-encoding': string | undefined;
}

const EMPTY: Buffer = Buffer.alloc(0);
/** What describes a body, and has no place where there is none or a part (RFC 9110 §15.4.5). */
const OF_THE_BODY: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'content-encoding',
  'content-language',
  'content-range',
]);

/** What a request asks for. */
export function wishesOf({ headers }: Request): Wishes {
  return {
    'if-none-match': headers['if-none-match'],
    'if-modified-since': headers['if-modified-since'],
    range: headers.range,
    'if-range': headers['if-range'] as string | undefined,
    'accept-encoding': headers['accept-encoding'],
  };
}

/** Whether the answer is always the whole one. */
export function wantsWhole(wishes: Request['headers'] | Wishes): boolean {
  return (
    wishes['if-none-match'] === undefined &&
    wishes['if-modified-since'] === undefined &&
    wishes.range === undefined
  );
}

/** The form of an entry that a request asks for. `headOf` gives the head of the whole. */
export function answerOf(
  exchange: Exchange,
  entry: Entry,
  wishes: Wishes,
  codings: Codings,
  headOf: (representation: Representation) => readonly string[],
): Answer {
  const chosen = codings.select(entry, wishes['accept-encoding']);
  const whole = { status: entry.status, headers: headOf(chosen), body: chosen.body };
  // Preconditions and ranges are for what would succeed (RFC 9110 §13.2.1, §14.2).
  if (entry.status !== 200) return whole;
  const nowAt = exchange.clock.now();
  if (clientHas(entry, chosen, wishes, codings, nowAt)) {
    return { status: 304, headers: notModified(whole.headers), body: EMPTY };
  }
  if (wishes.range === undefined || exchange.req.method !== 'GET') return whole;
  const part = partFor(entry, chosen, wishes['if-range'], codings, nowAt);
  return part === undefined ? whole : (ranged(exchange, part, headOf(part)) ?? whole);
}

/** Sends an answer; nothing else has been sent. */
export function sendAnswer(exchange: Exchange, { status, headers, body }: Answer): void {
  const outer = exchange.res.getHeader('Vary');
  answerWhole(exchange, status, outer === undefined ? headers : withVary(headers, outer), body);
}

/** Puts an answer in the place of what the application has set; what was there before stays. */
export function putAnswer(head: ResponseHead, before: HeaderSnapshot, answer: Answer): Buffer {
  for (const name of head.names()) {
    if (before.textOf(name.toLowerCase()) !== fieldText(head.get(name))) head.remove(name);
  }
  head.status = answer.status;
  const vary = fieldText(head.get('vary'));
  const headers = vary === undefined ? answer.headers : withVary(answer.headers, vary);
  const seen = new Set<string>();
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    if (seen.has(name.toLowerCase())) head.append(name, headers[at + 1]!);
    else head.set(name, headers[at + 1]!);
    seen.add(name.toLowerCase());
  }
  return answer.body;
}

/** Whether the client holds this entry, in whichever coding it once got it. */
function clientHas(
  entry: Entry,
  chosen: Representation,
  wishes: Wishes,
  codings: Codings,
  nowAt: number,
): boolean {
  const field = wishes['if-none-match'];
  const since = wishes['if-modified-since'];
  if (field === undefined && since === undefined) return false;
  const { etag, modifiedAt } = entry.init;
  const has = (tag: string | undefined): boolean =>
    isNotModified(field, since, tag, modifiedAt, nowAt);
  if (has(chosen.etag)) return true;
  if (field === undefined || !entry.init.codable) return false;
  return has(etag) || codings.tagNames().some((coding) => has(codedTag(etag, coding)));
}

function notModified(headers: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (!OF_THE_BODY.has(headers[at]!.toLowerCase())) kept.push(headers[at]!, headers[at + 1]!);
  }
  return kept;
}

/** The form that a part is cut from: the one that If-Range names, or the plain one. */
function partFor(
  entry: Entry,
  chosen: Representation,
  ifRange: string | undefined,
  codings: Codings,
  nowAt: number,
): Representation | undefined {
  const plain = codings.identity(entry);
  if (ifRange === undefined) return plain;
  const { lastModified, dateAt } = entry.init;
  return [chosen, plain].find(({ etag }) =>
    ifRangeMatches(ifRange, etag, lastModified, dateAt, nowAt),
  );
}

/** One range of bytes; several, and what is no range, get the whole (RFC 9110 §14.2). */
function ranged(
  { req }: Exchange,
  { body }: Representation,
  headers: readonly string[],
): Answer | undefined {
  const ranges = rangesOf(req, body.length);
  if (ranges === -1) {
    const unsatisfied = ['Content-Range', `bytes */${body.length}`, 'Content-Length', '0'];
    return { status: 416, headers: [...notModified(headers), ...unsatisfied], body: EMPTY };
  }
  if (!Array.isArray(ranges) || ranges.type !== 'bytes' || ranges.length !== 1) return undefined;
  const { start, end } = ranges[0]!;
  const part = body.subarray(start, end + 1);
  const head = [...headers];
  for (let at = 0; at < head.length; at += 2) {
    if (head[at]!.toLowerCase() === 'content-length') head[at + 1] = String(part.length);
  }
  head.push('Content-Range', `bytes ${start}-${end}/${body.length}`);
  return { status: 206, headers: head, body: part };
}

/** As Express reads them; but a suffix that is longer than the whole is all of it (RFC 9110 §14.1.2), not unsatisfiable. */
function rangesOf(req: Request, length: number): ReturnType<Request['range']> {
  const suffix = /^bytes=-0*([1-9]\d*)$/i.exec(req.headers.range ?? '')?.[1];
  if (suffix === undefined || length === 0 || Number(suffix) < length) return req.range(length);
  return Object.assign([{ start: 0, end: length - 1 }], { type: 'bytes' });
}

/** Headers with the members of an outer `Vary` besides their own. */
function withVary(headers: readonly string[], outer: unknown): readonly string[] {
  const own = new Set<string>();
  const kept: string[] = [];
  const add = (list: string): void => {
    for (const member of list.split(',')) if (member.trim() !== '') own.add(member.trim());
  };
  add(String(outer));
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]!.toLowerCase() === 'vary') add(headers[at + 1]!);
    else kept.push(headers[at]!, headers[at + 1]!);
  }
  const unique = new Map([...own].map((member) => [member.toLowerCase(), member]));
  return [...kept, 'Vary', [...unique.values()].join(', ')];
}
