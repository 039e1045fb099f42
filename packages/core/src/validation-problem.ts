/**
 * What is wrong with a value, as one problem document, whoever has looked: the example of
 * RFC 9457 §3. The words are the validator's own.
 */
import { pointerFragment, pointerToken } from './json-pointer.ts';
import { ProblemError } from './problem-error.ts';

/** A part of a request. */
export type RequestPart = 'params' | 'query' | 'headers' | 'body';

/** Where a document of OpenAPI says that a part of a request is; a body is in no such place. */
export const PARAMETER_PLACES: Readonly<
  Record<RequestPart, 'path' | 'query' | 'header' | undefined>
> = Object.freeze({ params: 'path', query: 'query', headers: 'header', body: undefined });

/** One thing that is wrong. */
export interface ValidationIssue {
  readonly detail: string;
  /** A JSON Pointer in its URI fragment form (RFC 6901 §6), such as `#/items/0/price`. */
  readonly pointer: string;
  /** The part of a request that the parameter is in; absent for a body. */
  readonly in?: 'path' | 'query' | 'header';
  /** The name of the parameter; absent for a body, and for a part as a whole. */
  readonly parameter?: string;
}

/** One thing that is wrong, as a Standard Schema tells it. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What is wrong with one part of a request. */
export interface PartIssues {
  readonly part: RequestPart;
  readonly issues: readonly SchemaIssue[];
}

/** More issues than this help nobody, and an array of wrong members could make millions. */
const MAX_ISSUES = 50;
/** Characters of a detail, of a name, and of a pointer before it is encoded. */
const MAX_LENGTH = 500;

/**
 * The problem `ERR_VALIDATION` with the first 50 of what was `found`; `moreErrors` counts the rest.
 * @param tell is asked for those alone that the document shows
 */
export function validationProblem<T>(
  found: readonly T[],
  tell: (issue: T) => ValidationIssue,
  status: 400 | 422,
  cause?: unknown,
): ProblemError {
  const more = found.length - MAX_ISSUES;
  return new ProblemError({
    code: 'ERR_VALIDATION',
    status,
    title: 'Validation failed',
    detail: `${found.length === 1 ? 'One value is' : `${found.length} values are`} not as expected.`,
    extensions: {
      errors: found.slice(0, MAX_ISSUES).map(tell),
      ...(more > 0 ? { moreErrors: more } : {}),
    },
    cause,
  });
}

/**
 * What is wrong with a request, with its part beside each issue where it is not the body.
 * @param bodyStatus of a request that is right but for its body
 */
export function requestProblem(found: readonly PartIssues[], bodyStatus: 400 | 422): ProblemError {
  const all = found.flatMap(({ part, issues }) => issues.map((issue) => ({ part, issue })));
  const status = found.every(({ part }) => part === 'body') ? bodyStatus : 400;
  return validationProblem(all, ({ part, issue }) => requestIssue(part, issue), status);
}

/** An issue with its words, and where it is by names from the outermost one on; both are cut. */
export function validationIssue(message: unknown, names: readonly unknown[]): ValidationIssue {
  const detail = typeof message === 'string' ? message : 'is not valid';
  const pointer = names.map((name) => `/${pointerToken(shortened(name))}`).join('');
  return {
    detail: detail.slice(0, MAX_LENGTH),
    pointer: pointerFragment(pointer.slice(0, MAX_LENGTH)),
  };
}

/** As `validationIssue`, of what a Standard Schema has found. */
export function schemaIssue({ message, path }: SchemaIssue): ValidationIssue {
  return validationIssue(message, namesIn(path));
}

function requestIssue(part: RequestPart, found: SchemaIssue): ValidationIssue {
  const place = PARAMETER_PLACES[part];
  const issue = schemaIssue(found);
  if (place === undefined) return issue;
  const [parameter] = namesIn(found.path);
  return {
    ...issue,
    in: place,
    ...(parameter === undefined ? {} : { parameter: shortened(parameter) }),
  };
}

function namesIn(path: SchemaIssue['path'] = []): readonly PropertyKey[] {
  return path.map((segment) => (typeof segment === 'object' ? segment.key : segment));
}

function shortened(name: unknown): string {
  return String(name).slice(0, MAX_LENGTH);
}
