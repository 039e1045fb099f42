/** An exchange as it is kept and shown: plain data without secrets, which a file can hold. */
import type { Phase } from '@org/core';

import type { AnswerDiff } from './changes.ts';

/** A body, or the beginning of one. */
export interface KeptBody {
  /** Media type, without parameters. */
  readonly mediaType: string | undefined;
  /** As text, or in base64 where it is none. */
  readonly text: string;
  readonly encoding: 'text' | 'base64';
  /** How long it was, in bytes; of what has been parsed, how long it is written anew. */
  readonly bytes: number;
  /** Only its beginning is kept. */
  readonly truncated: boolean;
  /** Secrets of it are hidden. */
  readonly redacted: boolean;
}

export type KeptHeaders = Readonly<Record<string, string | readonly string[]>>;

export interface KeptAnswer {
  readonly status: number;
  readonly headers: KeptHeaders;
  readonly body: KeptBody | undefined;
  /** It was cut off before its last byte. */
  readonly aborted: boolean;
}

/** A stretch of an exchange's time. */
export interface KeptSpan {
  readonly name: string;
  /** Absent for `handler` and `flush`, which are no middleware. */
  readonly phase: Phase | undefined;
  /** When it began, in ms since the exchange began. */
  readonly startMs: number;
  /** How long it took, without what follows it, in ms. */
  readonly selfMs: number;
}

export interface KeptError {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly stack: string | undefined;
  readonly cause: KeptError | undefined;
}

/** A statement that ran again and again for one request. */
export interface RepeatedStatement {
  /** Its SQL, without values. */
  readonly text: string;
  readonly count: number;
  /** Together, in ms; absent where nobody measured. */
  readonly durationMs: number | undefined;
  /** The app's line that asks for it, where somebody knows. */
  readonly callSite: string | undefined;
  /** What whoever noticed it advises. */
  readonly suggestion: string | undefined;
}

/** The answer to a kept request that ran again. */
export interface Replay {
  /** When, in ms since the epoch. */
  readonly at: number;
  readonly durationMs: number;
  readonly answer: KeptAnswer;
  readonly diff: AnswerDiff;
  /** Secret headers of the request that are not known any more, and that nobody gave. */
  readonly withoutHeaders: readonly string[];
}

/** What a list shows of an exchange. */
export interface ExchangeSummary {
  readonly id: string;
  /** When it began, in ms since the epoch. */
  readonly at: number;
  readonly durationMs: number;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** The pattern that matched; absent where none did. */
  readonly route: string | undefined;
  readonly status: number;
  readonly aborted: boolean;
  /** Made by the house itself, such as a cache's refresh. */
  readonly internal: boolean;
  /** The fault that it suffered from, such as `delay=200`. */
  readonly fault: string | undefined;
  /** It was answered from a schema. */
  readonly mocked: boolean;
  /** How many statements ran again and again. */
  readonly repeatedStatements: number;
  /** What the last replay changed; absent where there was none. */
  readonly changes: number | undefined;
}

/** All of an exchange. */
export interface ExchangeRecord extends Omit<ExchangeSummary, 'repeatedStatements' | 'changes'> {
  /** What the rest of the house knows it by, such as the log. */
  readonly requestId: string;
  readonly traceId: string | undefined;
  /** Whom it came from. */
  readonly remoteAddress: string | undefined;
  readonly encrypted: boolean;
  readonly request: {
    readonly headers: KeptHeaders;
    /** Names of headers whose values are hidden. */
    readonly secretHeaders: readonly string[];
    readonly body: KeptBody | undefined;
    /** It has one that nobody parsed, or that is too long: it cannot run again. */
    readonly hasUnknownBody: boolean;
  };
  readonly answer: KeptAnswer;
  readonly error: KeptError | undefined;
  /** Where the time went; empty without a whole, such as `setup`. */
  readonly spans: readonly KeptSpan[];
  readonly statements: {
    readonly count: number;
    readonly durationMs: number;
    readonly repeated: readonly RepeatedStatement[];
  };
  /** Newest first. */
  readonly replays: readonly Replay[];
}

export function summaryOf(record: ExchangeRecord): ExchangeSummary {
  const { id, at, durationMs, method, url, route, status, aborted, internal, fault, mocked } =
    record;
  return {
    id,
    at,
    durationMs,
    method,
    url,
    route,
    status,
    aborted,
    internal,
    fault,
    mocked,
    repeatedStatements: record.statements.repeated.length,
    changes: record.replays[0]?.diff.changes.length,
  };
}
