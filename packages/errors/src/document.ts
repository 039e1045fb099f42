/**
 * The problem document of one error (RFC 9457 §3), with everything masked that is
 * not the client's to see. What is shown: the type, the status, extension members,
 * and the detail of errors that say it may be shown, as 4xx do.
 */
import { STATUS_CODES } from 'node:http';
import type { Exchange, ProblemError } from '@org/core';

import type { ErrorLike } from './thrown.ts';

/** What is sent to the client, before it is written in a media type. */
export interface ProblemDocument {
  /** URI of the problem type. */
  readonly type: string;
  /** Summary of the type; the status' reason phrase for `about:blank`. */
  readonly title: string;
  readonly status: number;
  /** What happened this time; absent where it is masked. */
  readonly detail?: string;
  /** URI of this occurrence; absent where the request's id is no UUID. */
  readonly instance?: string;
  /** Stable and machine-readable. */
  readonly code: string;
  /** The request's id, under which the log tells the rest. */
  readonly errorId: string;
  /** Lines of the stack and of those of its causes; in development, when asked for. */
  readonly stack?: readonly string[];
  readonly [extension: string]: unknown;
}

/** What may be told. */
export interface Disclosure {
  /** Tell the detail of every error, also of unexpected ones. */
  readonly expose: boolean;
  /** Tell stacks; only together with `expose`. */
  readonly stack: boolean;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** How far a chain of causes is followed; it may be a circle. */
const MAX_CAUSES = 5;
const MAX_STACK_LINES = 100;

export function documentOf(
  problem: ProblemError,
  error: ErrorLike,
  exchange: Exchange,
  { expose, stack }: Disclosure,
): ProblemDocument {
  const { id } = exchange;
  const shown = problem.expose || expose;
  const { instance: own } = problem.extensions;
  // An occurrence may be named by its problem; else the request's id names it (RFC 9457 §3.1.5).
  const instance =
    typeof own === 'string' ? own : UUID.test(id) ? `urn:uuid:${id.toLowerCase()}` : undefined;
  return {
    type: problem.type,
    title: problem.title ?? STATUS_CODES[problem.status] ?? 'Error',
    status: problem.status,
    ...(shown && problem.message !== '' ? { detail: problem.message } : {}),
    ...(instance === undefined ? {} : { instance }),
    code: problem.code,
    errorId: id,
    ...extensionsOf(problem),
    ...(expose && stack ? { stack: stackOf(error) } : {}),
  };
}

/** Members that documents have already: an extension overwrites none of them (RFC 9457 §3.2). */
export const RESERVED_MEMBERS: ReadonlySet<string> = new Set([
  'type',
  'title',
  'status',
  'detail',
  'instance',
  'code',
  'errorId',
  'stack',
]);

function extensionsOf({ extensions }: ProblemError): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(extensions).filter(([name]) => !RESERVED_MEMBERS.has(name)),
  );
}

/** The document without the members that somebody added: what is left when those cannot be written. */
export function bareDocument(document: ProblemDocument): ProblemDocument {
  const { type, title, status, detail, instance, code, errorId } = document;
  return {
    type,
    title,
    status,
    ...(detail === undefined ? {} : { detail }),
    ...(instance === undefined ? {} : { instance }),
    code,
    errorId,
  };
}

function stackOf(error: ErrorLike): readonly string[] {
  const lines: string[] = [];
  let at: ErrorLike | undefined = error;
  for (let depth = 0; depth < MAX_CAUSES && typeof at === 'object' && at !== null; depth++) {
    const text: string = typeof at.stack === 'string' ? at.stack : String(at.message);
    const own: string[] = text.split('\n').map((line) => line.trimEnd());
    if (depth > 0) own[0] = `Caused by: ${own[0]}`;
    lines.push(...own);
    at = at.cause as ErrorLike | undefined;
  }
  return lines.slice(0, MAX_STACK_LINES);
}
