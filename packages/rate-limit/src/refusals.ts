/**
 * How a request is told no: 429 (RFC 6585 §4), or 503 where a limit was only lowered, with the
 * problem types of draft-ietf-httpapi-ratelimit-headers-11 §5 and a Retry-After (RFC 9110
 * §10.2.3). Errors are made once and handed out again: to say no must cost next to nothing, and a
 * stack trace costs more than all the rest.
 */
import { ProblemError } from '@org/core';

import { seconds } from './fields.ts';
import type { Visit } from './visit.ts';

const TYPES = 'https://iana.org/assignments/http-problem-types#';

/** Errors that are kept: policies by seconds of Retry-After, and windows can be long. */
const MAX_KEPT = 1000;

/** Why somebody was refused. */
interface Reason {
  readonly policies: readonly string[];
  /** Only because the limits are lowered. */
  readonly reduced: boolean;
  readonly retryAfter: number;
}

/** The errors of refusals. */
export class Refusals {
  private readonly kept: Map<string, ProblemError> = new Map();

  /** An error that nobody else gets. */
  fresh(visit: Visit): ProblemError {
    return quotaExceeded(reasonOf(visit));
  }

  /** One of those that are handed out again. Nobody may change it. */
  shared(visit: Visit): ProblemError {
    const reason = reasonOf(visit);
    const name = `${reason.retryAfter} ${String(reason.reduced)} ${reason.policies.join(' ')}`;
    let error = this.kept.get(name);
    if (error === undefined) {
      if (this.kept.size >= MAX_KEPT) this.kept.clear();
      error = withoutStack(quotaExceeded(reason));
      this.kept.set(name, error);
    }
    return error;
  }
}

/** The error for everybody while the shared counters are away and nothing may pass without them. */
export function limiterUnavailable(): ProblemError {
  return withoutStack(
    new ProblemError({
      code: 'ERR_RATE_LIMIT_UNAVAILABLE',
      status: 503,
      detail:
        'Requests cannot be counted at the moment, and none passes uncounted. Try again in 1 s.',
      expose: true,
      headers: Object.freeze({ 'Retry-After': '1' }),
    }),
  );
}

/** Names of the policies that have said no. */
export function violatedPolicies({ standings }: Visit, shadow: boolean): readonly string[] {
  return standings
    .filter(({ violated, policy }) => violated && policy.options.shadow === shadow)
    .map(({ policy }) => policy.name);
}

function reasonOf(visit: Visit): Reason {
  return {
    policies: violatedPolicies(visit, false),
    reduced: visit.standings.every(
      ({ violated, reduced, policy }) => !violated || reduced || policy.options.shadow,
    ),
    retryAfter: Math.max(1, seconds(visit.waitMs)),
  };
}

function quotaExceeded({ policies, reduced, retryAfter }: Reason): ProblemError {
  const names = policies.join(', ');
  return new ProblemError({
    code: reduced ? 'ERR_RATE_LIMIT_REDUCED' : 'ERR_RATE_LIMITED',
    status: reduced ? 503 : 429,
    type: TYPES + (reduced ? 'temporary-reduced-capacity' : 'quota-exceeded'),
    title: reduced ? 'Temporary Reduced Capacity' : 'Quota Exceeded',
    detail: reduced
      ? `The service is busy and has lowered its limits (${names}). Try again in ${retryAfter} s.`
      : `There were too many requests (${names}). Try again in ${retryAfter} s.`,
    expose: true,
    headers: Object.freeze({ 'Retry-After': String(retryAfter) }),
    extensions: Object.freeze({ 'violated-policies': policies }),
  });
}

/** Where it was made says nothing, the less so of one that is handed out again. */
function withoutStack(error: ProblemError): ProblemError {
  error.stack = `${error.name}: ${error.message}`;
  return error;
}
