/** Gives an answer that was given before, and says so. */
import { answerWhole, type Exchange, hasNoBody } from '@org/core';

import { headerOf } from './answer-headers.ts';
import { notReplayable } from './idempotency-problems.ts';
import type { KeptAnswer } from './record.ts';

/** The header that marks a replay; its value is `true`. */
export const REPLAYED_HEADER = 'Idempotency-Replayed';

/**
 * Answers with what was kept.
 * @throws ProblemError 409, `ERR_IDEMPOTENCY_NOT_REPLAYABLE`, where the body was not
 */
export function replay(exchange: Exchange, { status, headers, body }: KeptAnswer): void {
  if (body === undefined) throw notReplayable(status, headerOf(headers, 'location'));
  const flat = [...headers, REPLAYED_HEADER, 'true'];
  if (!hasNoBody(exchange.req.method, status)) flat.push('Content-Length', String(body.length));
  answerWhole(exchange, status, flat, body);
}
