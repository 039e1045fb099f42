/**
 * From any error to a problem. A mapper knows one family of errors and says
 * nothing about the others; the first that answers wins, the caller's own first.
 */
import { type Exchange, type ProblemError, report } from '@org/core';

import { mapAbort } from './abort.ts';
import { mapBody } from './body.ts';
import { mapDatabase } from './database.ts';
import { mapOutage } from './outage.ts';
import { asProblem, internalError } from './problem.ts';
import { mapStatus } from './status.ts';
import type { ErrorLike } from './thrown.ts';
import { mapToken } from './token.ts';
import { mapUpload } from './upload.ts';
import { validationMapper } from './validation.ts';

/** Answers the problem that an error stands for, or nothing when it does not know the error. Must not wait. */
export type ErrorMapper = (error: unknown, exchange: Exchange) => ProblemError | undefined;

/** A mapper of this package: the error has been seen to be readable. */
export type KnownMapper = (error: ErrorLike, exchange: Exchange) => ProblemError | undefined;

/** What a mapper turned an error into, and who has to answer for it. */
export type ToProblem = (thrown: unknown, error: ErrorLike, exchange: Exchange) => ProblemError;

/** Joins the caller's mappers with those for the libraries of the field. */
export function problemMapper(own: readonly ErrorMapper[], validationStatus: 400 | 422): ToProblem {
  // The order matters where families overlap: the more telling mark is asked first.
  const known: readonly KnownMapper[] = [
    asProblem,
    mapAbort,
    mapOutage,
    mapBody,
    mapUpload,
    validationMapper(validationStatus),
    mapToken,
    mapDatabase,
    mapStatus,
  ];
  return (thrown, error, exchange) => {
    for (const mapper of own) {
      try {
        const problem = mapper(thrown, exchange);
        if (problem === undefined || problem === null) continue;
        const taken = asProblem(problem);
        if (taken !== undefined) return taken;
        throw new TypeError('A mapper must answer a ProblemError or undefined.');
      } catch (fault) {
        report(fault, 'errors mapper', exchange);
      }
    }
    try {
      for (const mapper of known) {
        const problem = mapper(error, exchange);
        if (problem !== undefined) return problem;
      }
    } catch (fault) {
      // An error whose members cannot be read is still an error to answer for.
      report(fault, 'errors mapping', exchange);
    }
    return internalError(error);
  };
}
