/** What the watch finds, and tells as it happens: statements repeated for each of many, and slow ones. */
import { type Exchange, ProblemError } from '@org/core';

import type { QueryRecord } from './query-record.ts';
import type { Repeated } from './request-queries.ts';
import { rounded } from './rounded.ts';
import type { Statement } from './statements.ts';

/** Name of the diagnostics channel; messages are `QueryFinding`s. */
export const FINDING_CHANNEL = '@org/query:finding';

/** What is told of a statement. */
export interface QueryFinding {
  /** `n-plus-one`: one line asked for the same statement again and again in one request. */
  readonly type: 'n-plus-one' | 'slow';
  /** Names the statement in the monitoring route. */
  readonly id: string;
  /** Its fingerprint: without values. */
  readonly text: string;
  readonly method: string | undefined;
  readonly route: string | undefined;
  /** The app's line; absent where none was seen. */
  readonly callSite: string | undefined;
  /** How often it was asked for in the request; 1 of a slow one. */
  readonly count: number;
  /** How long it took, all in all, in ms. */
  readonly durationMs: number;
  /** What to do about it. */
  readonly suggestion: string;
  readonly exchange: Exchange | undefined;
}

/** A finding as operators see it. */
export type ShownFinding = Omit<QueryFinding, 'exchange'> & {
  /** When it was last seen, in ms since the epoch. */
  readonly at: number;
  /** Requests that it was found in. */
  readonly times: number;
};

/** The findings of late: one each of a statement and a line, the least recent go. */
export class Findings {
  private readonly max: number;
  private readonly kept: Map<string, ShownFinding> = new Map();

  constructor(max: number) {
    this.max = max;
  }

  /** @returns whether it is new */
  add(told: QueryFinding, at: number): boolean {
    const { exchange: _, ...finding } = told;
    const name = `${finding.id} ${finding.callSite} ${finding.method} ${finding.route}`;
    const known = this.kept.get(name);
    this.kept.delete(name);
    this.kept.set(name, { ...finding, at, times: (known?.times ?? 0) + 1 });
    if (this.kept.size > this.max) this.kept.delete(this.kept.keys().next().value!);
    return known === undefined;
  }

  /** The latest first. */
  get list(): readonly ShownFinding[] {
    return [...this.kept.values()].toReversed();
  }
}

/** One line asked for it again and again. */
export function repeatedFinding(
  exchange: Exchange,
  statement: Statement,
  form: Repeated,
): QueryFinding {
  return {
    type: 'n-plus-one',
    id: statement.id,
    text: statement.text,
    method: exchange.req.method,
    route: exchange.route,
    callSite: form.line ?? undefined,
    count: form.count,
    durationMs: rounded(form.totalMs),
    suggestion: suggestionFor(statement),
    exchange,
  };
}

/** It took long. @param path of the monitoring route */
export function slowFinding(
  { durationMs, callSite }: QueryRecord,
  exchange: Exchange | undefined,
  { id, text }: Statement,
  path: string | false,
): QueryFinding {
  const plan = path === false ? `explain('${id}')` : `GET ${path}/${id}/plan`;
  return {
    type: 'slow',
    id,
    text,
    method: exchange?.req.method,
    route: exchange?.route,
    callSite,
    count: 1,
    durationMs: rounded(durationMs),
    suggestion: `Look at its plan: ${plan}.`,
    exchange,
  };
}

/** What repeats, in words for logs and tests. */
export function wordsOf(finding: QueryFinding): string {
  const { method, route, count, text, callSite, suggestion } = finding;
  const where = callSite === undefined ? '' : ` at ${callSite}`;
  return `${method} ${route ?? '(no route)'} asked ${count} times for "${text}"${where}. ${suggestion}`;
}

/** In the place of an answer. */
export function nPlusOneError(finding: QueryFinding): ProblemError {
  return new ProblemError({
    code: 'ERR_N_PLUS_ONE',
    status: 500,
    // For tests, which should read at once what to mend.
    expose: true,
    detail: wordsOf(finding),
  });
}

const FROM = String.raw`\bfrom (?:only )?((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))?)`;
/** Of one table alone: in a join nobody knows whose column it is. */
const BY_ONE = new RegExp(
  String.raw`${FROM}(?: (?:as )?[\w"]+)? where \(?(?:[\w"]+\.){0,2}("[^"]+"|\w+) = \?`,
  'i',
);

/** What to do about a statement that is repeated for each of many. */
function suggestionFor({ text }: Statement): string {
  if (/^insert/i.test(text)) {
    return 'Insert all rows by one statement: insert into … select * from unnest($1::…[], …).';
  }
  if (/^(?:update|delete|merge)/i.test(text)) {
    return 'Change all rows by one statement: … where id = any($1).';
  }
  if (/\boffset \?/i.test(text))
    return 'Read pages by keyset(…): each begins where the last one ended.';
  const [, table, column] = BY_ONE.exec(text) ?? [];
  if (table === undefined || column === undefined) {
    return 'Ask once for all of them, by … = any($1), or load them in batches by eager(…).';
  }
  const [from, by] = [table, column].map((name) => name.replaceAll('"', ''));
  return `Load them by one statement: eager(pool, { from: '${from}', foreignKey: '${by}' }) for the rows of each, eager(pool, { from: '${from}', key: '${by}' }) for the one of each.`;
}
