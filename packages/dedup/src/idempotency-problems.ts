/** What clients with an `Idempotency-Key` are told when they cannot have what they ask for. */
import { hasCode, ProblemError } from '@org/core';

/** 400: the key has no legal form. */
export function invalidKey(why: string): ProblemError {
  return new ProblemError({
    code: 'ERR_IDEMPOTENCY_KEY_INVALID',
    status: 400,
    detail: `The Idempotency-Key cannot be used: ${why}. Send one string of 1 to 255 characters, such as a UUID.`,
  });
}

/** 400: the route asks for a key. */
export function keyRequired(): ProblemError {
  return new ProblemError({
    code: 'ERR_IDEMPOTENCY_KEY_REQUIRED',
    status: 400,
    detail:
      'This request must not run twice: send an Idempotency-Key of your own making, such as a UUID, and the same one when you try again.',
  });
}

/** 422: the key was sent before, with another request (draft §2.7). */
export function keyReused(): ProblemError {
  return new ProblemError({
    code: 'ERR_IDEMPOTENCY_KEY_REUSED',
    status: 422,
    detail:
      'This Idempotency-Key was sent before with another body, type or query. Take a new key for a new request.',
  });
}

/** 409: the original has not been answered yet. */
export function stillRunning(retryAfterMs: number): ProblemError {
  return new ProblemError({
    code: 'ERR_IDEMPOTENCY_IN_FLIGHT',
    status: 409,
    detail: 'The first request with this Idempotency-Key is still under way. Try again later.',
    headers: { 'Retry-After': seconds(retryAfterMs) },
  });
}

/** 409: nobody knows how the original ended. `record` names the key's record for `resolve`. */
export function indeterminate(record: string): ProblemError {
  return new ProblemError({
    code: 'ERR_IDEMPOTENCY_INDETERMINATE',
    status: 409,
    detail:
      'The first request with this Idempotency-Key did not come to a known end. Look whether it took effect before you send another with a new key, or ask the operator to resolve this record.',
    extensions: { record },
  });
}

/** 409: the original was answered, but its body was too large to keep, or is lost. */
export function notReplayable(status: number, location: string | undefined): ProblemError {
  return new ProblemError({
    code: 'ERR_IDEMPOTENCY_NOT_REPLAYABLE',
    status: 409,
    detail:
      'The first request with this Idempotency-Key has run, and will not run again, but its answer was not kept whole.',
    headers: location === undefined ? {} : { Location: location },
    extensions: { originalStatus: status },
  });
}

/** 415: nothing tells whether two bodies of this kind are the same. */
export function unreadableBody(): ProblemError {
  return new ProblemError({
    code: 'ERR_IDEMPOTENCY_BODY',
    status: 415,
    detail:
      'A request with an Idempotency-Key must have a body that is read ahead of its handler, so that it can be compared with the first. Send a type that this service parses, such as application/json.',
  });
}

/** 400: too deep to be compared. */
export function tooDeep(): ProblemError {
  return new ProblemError({
    code: 'ERR_IDEMPOTENCY_BODY',
    status: 400,
    detail: 'The body is nested too deeply.',
  });
}

/** 503: without the store nobody knows whether the request has run, so it does not run. */
export function storeFailed(error: unknown, retryAfterMs: number): ProblemError {
  return new ProblemError({
    code: hasCode(error, 'ERR_STORE_TIMEOUT') ? 'ERR_STORE_TIMEOUT' : 'ERR_STORE_UNAVAILABLE',
    status: 503,
    expose: true,
    detail:
      'It cannot be told at the moment whether this Idempotency-Key was used before, so nothing was run. Try again with the same key.',
    headers: { 'Retry-After': seconds(retryAfterMs) },
    cause: error,
  });
}

/** RFC 9110 §10.2.3: whole seconds, and not earlier than said. */
function seconds(ms: number): string {
  return String(Math.max(1, Math.ceil(ms / 1000)));
}
