/**
 * What differs between two answers: status, headers that matter, JSON by pointer (RFC 6901), text
 * by line. What changes with every answer is left out by rule: dates, ids, tokens of one request.
 */
import { type AnswerDiff, Changes } from './changes.ts';
import type { KeptAnswer, KeptBody, KeptHeaders } from './exchange-record.ts';
import { jsonChanges } from './json-diff.ts';
import { mask } from './mask.ts';
import { isJson } from './redaction.ts';
import { lineChanges } from './text-diff.ts';

/** Rules for what is left out. */
export interface DiffRules {
  /** Headers in lower case. */
  readonly ignoreHeaders: ReadonlySet<string>;
  /** JSON Pointers; `*` stands for any member. */
  readonly volatile: readonly string[];
}

/** An answer and when its request began, in ms since the epoch. */
export interface TimedAnswer {
  readonly answer: KeptAnswer;
  readonly at: number;
}

/** Headers that say something of the moment or of the transfer, and nothing of the answer. */
export const MOMENTARY_HEADERS: readonly string[] = Object.freeze([
  'age',
  'alt-svc',
  'cache-status',
  'connection',
  'content-encoding',
  'content-length',
  'date',
  'etag',
  'expires',
  'keep-alive',
  'last-modified',
  'ratelimit',
  'ratelimit-limit',
  'ratelimit-policy',
  'ratelimit-remaining',
  'ratelimit-reset',
  'request-id',
  'retry-after',
  'server-timing',
  'set-cookie',
  'traceparent',
  'tracestate',
  'transfer-encoding',
  'x-correlation-id',
  'x-fault-injected',
  'x-request-id',
  'x-response-time',
  'x-response-time-ms',
]);

export function diffAnswers(one: TimedAnswer, other: TimedAnswer, rules: DiffRules): AnswerDiff {
  const [before, after] = [one.answer, other.answer];
  const changes = new Changes();
  if (before.status !== after.status) {
    changes.add({ part: 'status', at: '', before: before.status, after: after.status });
  }
  if (before.aborted !== after.aborted) {
    const told = ({ aborted }: KeptAnswer): string => (aborted ? 'cut off' : 'complete');
    changes.add({ part: 'status', at: 'end', before: told(before), after: told(after) });
  }
  compareHeaders(before.headers, after.headers, rules, changes);
  compareBodies(one, other, rules, changes);
  const { list, masked, incomplete } = changes;
  return { same: list.length === 0, changes: list, masked, incomplete };
}

function compareHeaders(
  before: KeptHeaders,
  after: KeptHeaders,
  { ignoreHeaders }: DiffRules,
  changes: Changes,
): void {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  for (const name of [...names].toSorted()) {
    if (ignoreHeaders.has(name)) continue;
    const [was, is] = [textOf(before[name]), textOf(after[name])];
    if (was === is) continue;
    if (was !== undefined && is !== undefined && mask(was) === mask(is)) changes.masked++;
    else changes.add({ part: 'header', at: name, before: was, after: is });
  }
}

function textOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' || value === undefined ? value : value.join(', ');
}

function compareBodies(
  one: TimedAnswer,
  other: TimedAnswer,
  rules: DiffRules,
  changes: Changes,
): void {
  const [before, after] = [one.answer.body, other.answer.body];
  if (before?.truncated === true || after?.truncated === true) changes.incomplete = true;
  const [was, is] = [before?.text ?? '', after?.text ?? ''];
  if (was === is) return;
  const [wasValue, isValue] = [valueOf(before), valueOf(after)];
  if (wasValue !== undefined && isValue !== undefined) {
    jsonChanges(
      { json: wasValue.json, at: one.at },
      { json: isValue.json, at: other.at },
      rules.volatile,
      changes,
    );
  } else if (before?.encoding === 'base64' || after?.encoding === 'base64') {
    const told = (body: KeptBody | undefined): string | undefined =>
      body && `${body.bytes} bytes of ${body.mediaType ?? 'no type'}`;
    changes.add({ part: 'body', at: '', before: told(before), after: told(after) });
  } else {
    lineChanges(was, is, changes);
  }
}

function valueOf(body: KeptBody | undefined): { readonly json: unknown } | undefined {
  if (body === undefined || body.truncated || !isJson(body.mediaType)) return undefined;
  try {
    return { json: JSON.parse(body.text) as unknown };
  } catch {
    return undefined;
  }
}
