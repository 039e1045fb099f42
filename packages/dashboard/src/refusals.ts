/** Why a request is not answered as it hoped. */
import { ProblemError } from '@org/core';

/** Nothing where it is. */
export type Refusal = ProblemError | undefined;

/** Seconds after which to try again where there is no place for another tab. */
const RETRY_AFTER_S = '10';

export function closedToStrangers(): ProblemError {
  return new ProblemError({
    code: 'ERR_MONITORING_CLOSED',
    status: 403,
    detail:
      'This page is open to callers with the monitoring token or, where none is set, from loopback.',
  });
}

export function noPlace(detail: string): ProblemError {
  return new ProblemError({
    code: 'ERR_DASHBOARD_UNAVAILABLE',
    status: 503,
    detail,
    expose: true,
    headers: { 'Retry-After': RETRY_AFTER_S },
  });
}

export function notFound(): ProblemError {
  return new ProblemError({
    code: 'ERR_NOT_FOUND',
    status: 404,
    detail: 'There is nothing at this address; another version of the page may have been deployed.',
  });
}
