/** How long a server asks to be left alone (RFC 9110 §10.2.3). */
import { type Clock, parseHttpDate } from '@org/core';

import { isAnswer } from './bodies.ts';

/** The time that `Retry-After` asks for, in ms from now, never negative; nothing where it is absent or of no valid form. */
export function retryAfterMs(value: string | null | undefined, clock: Clock): number | undefined {
  if (value === null || value === undefined) return undefined;
  const trimmed = value.trim();
  if (/^\d+$/.test(trimmed)) return Number(trimmed) * 1000;
  const now = clock.now();
  const at = parseHttpDate(trimmed, now);
  return at === undefined ? undefined : Math.max(0, at - now);
}

/** What a failure asks for: an answer by its header, an error by the headers that it carries. */
export function waitAskedMs(failure: unknown, clock: Clock): number | undefined {
  if (isAnswer(failure)) return retryAfterMs(failure.headers.get('retry-after'), clock);
  const headers = (failure as { headers?: unknown } | null | undefined)?.headers;
  if (typeof headers !== 'object' || headers === null) return undefined;
  if (headers instanceof Headers) return retryAfterMs(headers.get('retry-after'), clock);
  const named = headers as Readonly<Record<string, unknown>>;
  const value = named['Retry-After'] ?? named['retry-after'];
  return typeof value === 'string' || typeof value === 'number'
    ? retryAfterMs(String(value), clock)
    : undefined;
}
