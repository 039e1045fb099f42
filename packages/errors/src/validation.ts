/**
 * Errors of zod and ajv, as one form: `errors`, each with a `detail` and a `pointer`
 * into what was validated (the example of RFC 9457 §3). The words are the validator's
 * own: of what was sent they tell names, and by some old ones the value that is wrong.
 */
import { nameOfToken, type ValidationIssue, validationIssue, validationProblem } from '@org/core';

import type { KnownMapper } from './mapper.ts';
import type { ErrorLike } from './thrown.ts';

/** A mapper for zod 3 and 4, and for ajv's `ValidationError` and bare lists of errors. */
export function validationMapper(status: 400 | 422): KnownMapper {
  return (error) => {
    const zod = zodIssues(error);
    if (zod !== undefined) return validationProblem(zod, toldByZod, status, error);
    const ajv = ajvErrors(error);
    return ajv === undefined ? undefined : validationProblem(ajv, toldByAjv, status, error);
  };
}

interface ZodIssue {
  readonly message?: unknown;
  readonly path?: unknown;
}

function zodIssues({ name, issues }: ErrorLike): readonly ZodIssue[] | undefined {
  const isZod = name === 'ZodError' || name === '$ZodError';
  return isZod && Array.isArray(issues) ? issues : undefined;
}

function toldByZod({ message, path }: ZodIssue): ValidationIssue {
  return validationIssue(message, Array.isArray(path) ? path : []);
}

interface AjvError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly message?: unknown;
  readonly params?: { readonly missingProperty?: unknown };
}

function ajvErrors(error: ErrorLike): readonly AjvError[] | undefined {
  const thrown = error.code === 'ERR_NON_ERROR_THROWN' ? error.cause : undefined;
  const errors = error.ajv === true && error.validation === true ? error.errors : thrown;
  if (!Array.isArray(errors) || errors.length === 0) return undefined;
  return errors.every(isAjvError) ? errors : undefined;
}

function isAjvError(value: unknown): value is AjvError {
  const { instancePath, keyword } = (value ?? {}) as Partial<AjvError>;
  return typeof instancePath === 'string' && typeof keyword === 'string';
}

function toldByAjv({ message, instancePath, params }: AjvError): ValidationIssue {
  const names = instancePath.split('/').slice(1).map(nameOfToken);
  // ajv points at the object that lacks a property, and names the property beside it.
  const missing = params?.missingProperty;
  return validationIssue(message, typeof missing === 'string' ? [...names, missing] : names);
}
