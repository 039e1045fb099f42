/**
 * Errors of `body-parser` and `raw-body`, told by their `type`. Their messages quote
 * the body and their members hold all of it, so the client gets words of our own.
 */
import { ProblemError } from '@org/core';

import type { ErrorLike } from './thrown.ts';

const BODY_PROBLEMS: Readonly<
  Record<string, readonly [status: number, code: string, detail: string]>
> = Object.freeze({
  'entity.parse.failed': [
    400,
    'ERR_BODY_INVALID',
    'The body cannot be parsed as its Content-Type says.',
  ],
  'entity.too.large': [413, 'ERR_BODY_TOO_LARGE', 'The body is larger than this server reads.'],
  'entity.verify.failed': [403, 'ERR_BODY_REFUSED', 'The body was refused.'],
  'encoding.unsupported': [
    415,
    'ERR_BODY_ENCODING',
    'The Content-Encoding of the body is not supported.',
  ],
  'charset.unsupported': [415, 'ERR_BODY_CHARSET', 'The charset of the body is not supported.'],
  'request.size.invalid': [
    400,
    'ERR_BODY_LENGTH',
    'The body is not as long as its Content-Length says.',
  ],
  'parameters.too.many': [
    413,
    'ERR_BODY_TOO_MANY_PARAMETERS',
    'The body has more parameters than this server reads.',
  ],
  'querystring.parse.rangeError': [
    400,
    'ERR_BODY_TOO_DEEP',
    'The parameters of the body are nested too deeply.',
  ],
});

export function mapBody(error: ErrorLike): ProblemError | undefined {
  const { type, limit } = error;
  if (typeof type !== 'string' || !Object.hasOwn(BODY_PROBLEMS, type)) return undefined;
  const [status, code, detail] = BODY_PROBLEMS[type]!;
  return new ProblemError({
    code,
    status,
    detail,
    ...(code === 'ERR_BODY_TOO_LARGE' && typeof limit === 'number'
      ? { extensions: { limitBytes: limit } }
      : {}),
    cause: error,
  });
}
