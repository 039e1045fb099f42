/**
 * Errors of zod and ajv, as one form: `errors`, each with a `detail` and a `pointer`
 * into what was validated (the example of RFC 9457 §3). The words are the validator's
 * own: of what was sent they tell names, and by some old ones the value that is wrong.
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
/** Characters of a detail, and of a pointer before it is encoded. */
const MAX_LENGTH = 500;
/** Half a character: JSON can bring it in a name (`"\\ud800"`), and no URI can hold it. */
const LONE_SURROGATE = /\p{Surrogate}/gu;

/** A mapper for zod 3 and 4, and for ajv's `ValidationError` and bare lists of errors. */
export function validationMapper(status: 400 | 422): KnownMapper {
  return (error) => {
    const found = zodIssues(error) ?? ajvIssues(error);
    if (found === undefined) return undefined;
    const { total, shown } = found;
    return new ProblemError({
      code: 'ERR_VALIDATION',
      status,
      title: 'Validation failed',
      detail: `${count(total)} not as expected.`,
      extensions: {
        errors: shown,
        ...(total > MAX_ISSUES ? { moreErrors: total - MAX_ISSUES } : {}),
      },
      cause: error,
    });
  };
}

/** How many there are, and the first of them in the form in which they are sent. */
interface Found {
  readonly total: number;
  readonly shown: readonly ValidationIssue[];
}

function zodIssues({ name, issues }: ErrorLike): Found | undefined {
  if ((name !== 'ZodError' && name !== '$ZodError') || !Array.isArray(issues)) return undefined;
  return {
    total: issues.length,
    shown: issues
      .slice(0, MAX_ISSUES)
      .map(({ message, path }: { message?: unknown; path?: unknown }) => {
        const segments: readonly unknown[] = Array.isArray(path) ? path : [];
        return toIssue(message, segments.map((one) => `/${escape(String(one))}`).join(''));
      }),
  };
}

function ajvIssues(error: ErrorLike): Found | undefined {
  const thrown = error.code === 'ERR_NON_ERROR_THROWN' ? error.cause : undefined;
  const errors = error.ajv === true && error.validation === true ? error.errors : thrown;
  if (!Array.isArray(errors) || errors.length === 0) return undefined;
  if (!errors.every(isAjvError)) return undefined;
  return {
    total: errors.length,
    shown: errors.slice(0, MAX_ISSUES).map(({ message, instancePath, params }) => {
      // ajv points at the object that lacks a property, and names the property beside it.
      const missing = params?.missingProperty;
      const named = typeof missing === 'string' ? `/${escape(missing)}` : '';
      return toIssue(message, instancePath + named);
    }),
  };
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

/** An issue with its JSON Pointer as a URI fragment (RFC 6901 §6). */
function toIssue(message: unknown, pointer: string): ValidationIssue {
  const whole = pointer.slice(0, MAX_LENGTH).replaceAll(LONE_SURROGATE, '\ufffd');
  return {
    detail: (typeof message === 'string' ? message : 'is not valid').slice(0, MAX_LENGTH),
    pointer: `#${encodeURI(whole).replaceAll('#', '%23')}`,
  };
}

/** RFC 6901 §3: `~` and `/` have a meaning of their own. */
function escape(segment: string): string {
  return segment.replaceAll('~', '~0').replaceAll('/', '~1');
}

function count(issues: number): string {
  return issues === 1 ? 'One value is' : `${issues} values are`;
}
