/**
 * Errors of JWT libraries: `jsonwebtoken` by name, `jose` by code. The client learns
 * that its token does not do, in the words of RFC 6750 §3.1; why exactly is the log's.
 */
import { ProblemError } from '@org/core';

import type { ErrorLike } from './thrown.ts';

type Answer = readonly [code: string, detail: string];

const EXPIRED: Answer = ['ERR_TOKEN_EXPIRED', 'The token has expired.'];
const EARLY: Answer = ['ERR_TOKEN_NOT_YET_VALID', 'The token is not valid yet.'];
const INVALID: Answer = ['ERR_TOKEN_INVALID', 'The token is not valid.'];

const TOKEN_PROBLEMS: ReadonlyMap<unknown, Answer> = new Map<unknown, Answer>([
  ['TokenExpiredError', EXPIRED],
  ['NotBeforeError', EARLY],
  ['JsonWebTokenError', INVALID],
  ['ERR_JWT_EXPIRED', EXPIRED],
  ['ERR_JWT_CLAIM_VALIDATION_FAILED', INVALID],
  ['ERR_JWT_INVALID', INVALID],
  ['ERR_JWS_INVALID', INVALID],
  ['ERR_JWS_SIGNATURE_VERIFICATION_FAILED', INVALID],
  ['ERR_JWE_INVALID', INVALID],
  ['ERR_JWE_DECRYPTION_FAILED', INVALID],
  ['ERR_JOSE_ALG_NOT_ALLOWED', INVALID],
  ['ERR_JWKS_NO_MATCHING_KEY', INVALID],
]);

export function mapToken(error: ErrorLike): ProblemError | undefined {
  if (error.code === 'ERR_JWKS_TIMEOUT') {
    return new ProblemError({
      code: 'ERR_DEPENDENCY_UNAVAILABLE',
      status: 503,
      detail: String(error.message),
      cause: error,
    });
  }
  const notBefore = error.code === 'ERR_JWT_CLAIM_VALIDATION_FAILED' && error.claim === 'nbf';
  const found = notBefore
    ? EARLY
    : (TOKEN_PROBLEMS.get(error.name) ?? TOKEN_PROBLEMS.get(error.code));
  if (found === undefined) return undefined;
  const [code, detail] = found;
  return new ProblemError({
    code,
    status: 401,
    detail,
    // RFC 9110 §15.5.2: a 401 carries a challenge.
    headers: {
      'WWW-Authenticate': `Bearer error="invalid_token", error_description="${detail}"`,
    },
    cause: error,
  });
}
