/**
 * What is wrong with a request, as one problem document: the example of RFC 9457 §3, with the part
 * of the request beside each issue where it is not the body.
 */
import { ProblemError } from '@org/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';

import type { RequestPart } from './description.ts';

/** One thing that is wrong with a request. */
export interface RequestIssue {
  readonly detail: string;
  /** A JSON Pointer into the part, in its URI fragment form (RFC 6901 §6), such as `#/items/0/price`. */
  readonly pointer: string;
  /** The part that the parameter is in; absent for the body. */
  readonly in?: 'path' | 'query' | 'header';
  /** The name of the parameter; absent for the body, and for a part as a whole. */
  readonly parameter?: string;
}

/** Issues of one part. */
export interface PartIssues {
  readonly part: RequestPart;
  readonly issues: readonly StandardSchemaV1.Issue[];
}

/** More issues than this help nobody, and an array of wrong members could make millions. */
const MAX_ISSUES = 50;
/** Characters of a detail, and of a pointer before it is encoded. */
const MAX_LENGTH = 500;
/** Half a character: JSON can bring it in a name, and no URI can hold it. */
const LONE_SURROGATE = /\p{Surrogate}/gu;

/** Where the document says that a part of a request is; a body is in no such place. */
export const PLACES: Readonly<Record<RequestPart, 'path' | 'query' | 'header' | undefined>> =
  Object.freeze({ params: 'path', query: 'query', headers: 'header', body: undefined });

/** @param bodyStatus of a request that is right but for its body */
export function requestProblem(found: readonly PartIssues[], bodyStatus: 400 | 422): ProblemError {
  const all = found.flatMap(({ part, issues }) => issues.map((issue) => ({ part, issue })));
  const errors = all.slice(0, MAX_ISSUES).map(({ part, issue }) => requestIssue(part, issue));
  const more = all.length - errors.length;
  return new ProblemError({
    code: 'ERR_VALIDATION',
    status: found.every(({ part }) => part === 'body') ? bodyStatus : 400,
    title: 'Validation failed',
    detail: `${all.length === 1 ? 'One value is' : `${all.length} values are`} not as expected.`,
    extensions: { errors, ...(more > 0 ? { moreErrors: more } : {}) },
  });
}

/** Issues in a line, for those who maintain the route. */
export function issueText(issues: readonly StandardSchemaV1.Issue[]): string {
  return issues
    .slice(0, 5)
    .map(({ message, path }) => `${pointerOf(segmentsOf(path))}: ${message}`)
    .join('; ');
}

function requestIssue(part: RequestPart, { message, path }: StandardSchemaV1.Issue): RequestIssue {
  const segments = segmentsOf(path);
  const issue = { detail: message.slice(0, MAX_LENGTH), pointer: pointerOf(segments) };
  const place = PLACES[part];
  if (place === undefined) return issue;
  const [parameter] = segments;
  return { ...issue, in: place, ...(parameter === undefined ? {} : { parameter }) };
}

function segmentsOf(path: StandardSchemaV1.Issue['path'] = []): readonly string[] {
  return path.map((segment) =>
    String(typeof segment === 'object' ? segment.key : segment)
      .slice(0, MAX_LENGTH)
      .replaceAll(LONE_SURROGATE, '\ufffd'),
  );
}

function pointerOf(segments: readonly string[]): string {
  const pointer = segments
    .map((segment) => `/${escapePointer(segment)}`)
    .join('')
    .slice(0, MAX_LENGTH)
    .replaceAll(LONE_SURROGATE, '\ufffd');
  return `#${encodeURI(pointer).replaceAll('#', '%23')}`;
}

/** RFC 6901 §3: `~` and `/` have a meaning of their own. */
export function escapePointer(segment: string): string {
  return segment.replaceAll('~', '~0').replaceAll('/', '~1');
}
