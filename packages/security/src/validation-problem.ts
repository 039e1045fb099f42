/**
 * What is wrong with a request, as one problem document: the one that `@org/errors` makes of a
 * validator's own errors, with the part of the request beside each where it is not the body.
 */
import { ProblemError } from '@org/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';

/** A part of a request. */
export type RequestPart = 'params' | 'query' | 'headers' | 'body';

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

const PLACES = Object.freeze({
  params: 'path',
  query: 'query',
  headers: 'header',
  body: undefined,
});

/** @param bodyStatus of a request that is right but for its body */
export function validationProblem(
  found: readonly PartIssues[],
  bodyStatus: 400 | 422,
): ProblemError {
  const total = found.reduce((sum, { issues }) => sum + issues.length, 0);
  const errors: RequestIssue[] = [];
  for (const { part, issues } of found) {
    for (const issue of issues.slice(0, MAX_ISSUES - errors.length)) {
      errors.push(requestIssue(part, issue));
    }
  }
  return new ProblemError({
    code: 'ERR_VALIDATION',
    status: found.every(({ part }) => part === 'body') ? bodyStatus : 400,
    title: 'Validation failed',
    detail: `${total === 1 ? 'One value is' : `${total} values are`} not as expected.`,
    extensions: { errors, ...(total > MAX_ISSUES ? { moreErrors: total - MAX_ISSUES } : {}) },
  });
}

function requestIssue(
  part: RequestPart,
  { message, path = [] }: StandardSchemaV1.Issue,
): RequestIssue {
  const segments = path.map((segment) =>
    shown(typeof segment === 'object' ? segment.key : segment),
  );
  const issue = { detail: message.slice(0, MAX_LENGTH), pointer: pointerOf(segments) };
  const place = PLACES[part];
  if (place === undefined) return issue;
  const [parameter] = segments;
  return { ...issue, in: place, ...(parameter === undefined ? {} : { parameter }) };
}

function shown(segment: PropertyKey): string {
  return String(segment).slice(0, MAX_LENGTH).replaceAll(LONE_SURROGATE, '\ufffd');
}

function pointerOf(segments: readonly string[]): string {
  // RFC 6901 §3: `~` and `/` have a meaning of their own.
  const pointer = segments
    .map((segment) => `/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('')
    .slice(0, MAX_LENGTH)
    .replaceAll(LONE_SURROGATE, '\ufffd');
  return `#${encodeURI(pointer).replaceAll('#', '%23')}`;
}
