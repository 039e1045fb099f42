import { ProblemError } from '@org/core';
import { fakeClock } from '@org/core/testing';

import { retryAfterMs, waitAskedMs } from '../src/retry-after.ts';

const clock = fakeClock(Date.UTC(2026, 0, 1));

describe('Retry-After (RFC 9110 §10.2.3)', () => {
  test.each([
    ['0', 0],
    ['120', 120_000],
    [' 5 ', 5000],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Thursday, 01-Jan-26 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
  ])('%s asks for a wait of %d ms', (value, ms) => {
    expect(retryAfterMs(value, clock)).toBe(ms);
  });

  test.each([['1.5'], ['-1'], ['soon'], [''], ['0x10'], ['2026-01-01']])(
    '%s is of no valid form',
    (value) => {
      expect(retryAfterMs(value, clock)).toBeUndefined();
    },
  );

  test('is found on answers and on errors that carry headers', () => {
    const headers = { 'Retry-After': '3' };
    const problem = new ProblemError({ code: 'ERR_X', status: 503, detail: 'x', headers });
    expect(waitAskedMs(new Response(null, { status: 503, headers }), clock)).toBe(3000);
    expect(waitAskedMs(problem, clock)).toBe(3000);
    expect(
      waitAskedMs(Object.assign(new Error('x'), { headers: new Headers(headers) }), clock),
    ).toBe(3000);
    for (const none of [new Error('x'), null, undefined, 'x', { headers: null }]) {
      expect(waitAskedMs(none, clock)).toBeUndefined();
    }
  });
});
