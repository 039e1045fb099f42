/**
 * Errors of zod and ajv, as one form: `errors`, each with a `detail` and a `pointer`
 * into what was validated (the example of RFC 9457 §3). Values never appear.
 */
import { ProblemError } from '@org/core';

import type { KnownMapper } from './mapper.ts';
import type { ErrorLike } from './thrown.ts';

/** One thing that is wrong with what the client sent. */
export interface ValidationIssue {
  readonly detail: string;
  /** A JSON Pointer in its URI fragment form (RFC 6901 §6), such as `#/items/0/price`. */
  readonly pointer: string;
}

/** More issues than this help nobody, and an array of wrong members could make millions. */
const MAX_ISSUES = 50;
const MAX_LENGTH = 500;

/** A mapper for zod 3 and 4, and for ajv's `ValidationError` and bare lists of errors. */
export function validationMapper(status: 400 | 422): KnownMapper {
  return (error) => {
    const issues = zodIssues(error) ?? ajvIssues(error);
    if (issues === undefined) return undefined;
    const shown = issues.slice(0, MAX_ISSUES);
    return new ProblemError({
      code: 'ERR_VALIDATION',
      status,
      title: 'Validation failed',
      detail: `${count(issues.length)} not as expected.`,
      extensions: {
        errors: shown,
        ...(issues.length > MAX_ISSUES ? { moreErrors: issues.length - MAX_ISSUES } : {}),
      },
      cause: error,
    });
  };
}

function zodIssues({ name, issues }: ErrorLike): ValidationIssue[] | undefined {
  if ((name !== 'ZodError' && name !== '$ZodError') || !Array.isArray(issues)) return undefined;
  return issues.map((issue: { message?: unknown; path?: unknown }) =>
    toIssue(issue.message, pointerOf(Array.isArray(issue.path) ? issue.path : [])),
  );
}

function ajvIssues(error: ErrorLike): ValidationIssue[] | undefined {
  const thrown = error.code === 'ERR_NON_ERROR_THROWN' ? error.cause : undefined;
  const errors = error.ajv === true && error.validation === true ? error.errors : thrown;
  if (!Array.isArray(errors) || errors.length === 0) return undefined;
  if (!errors.every(isAjvError)) return undefined;
  return errors.map(({ message, instancePath, params }) => {
    // ajv points at the object that lacks a property, and names the property beside it.
    const missing = params?.missingProperty;
    const path = typeof missing === 'string' ? `${instancePath}/${escape(missing)}` : instancePath;
    return toIssue(message, `#${encodeURI(path).replaceAll('#', '%23')}`);
  });
}

interface AjvError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly message?: unknown;
  readonly params?: { readonly missingProperty?: unknown };
}

function isAjvError(value: unknown): value is AjvError {
  const { instancePath, keyword } = (value ?? {}) as Partial<AjvError>;
  return typeof instancePath === 'string' && typeof keyword === 'string';
}

function toIssue(message: unknown, pointer: string): ValidationIssue {
  return {
    detail: (typeof message === 'string' ? message : 'is not valid').slice(0, MAX_LENGTH),
    pointer: pointer.slice(0, MAX_LENGTH),
  };
}

function pointerOf(path: readonly unknown[]): string {
  return `#${path.map((segment) => `/${encodeURIComponent(escape(String(segment)))}`).join('')}`;
}

/** RFC 6901 §3: `~` and `/` have a meaning of their own. */
function escape(segment: string): string {
  return segment.replaceAll('~', '~0').replaceAll('/', '~1');
}

function count(issues: number): string {
  return issues === 1 ? 'One value is' : `${issues} values are`;
}
