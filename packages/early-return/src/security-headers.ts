/**
 * Early answers stand ahead of the phase that sets security headers. They carry the few that
 * suit what is no page, or those that the application's own handler sets.
 */
import type { Exchange } from '@org/core';
import type { RequestHandler } from 'express';

/**
 * For answers that are no pages: nothing in them may run, be framed, be taken for another type,
 * or tell where somebody came from.
 */
export const DEFAULT_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
});

/**
 * Has the application's own handler set its headers.
 * @throws what it passes to `next`, and a TypeError where it calls `next` later or never
 */
export function runSecure(secure: RequestHandler, { req, res }: Exchange): void {
  let passed = false;
  let failure: unknown;
  void secure(req, res, (error?: unknown) => {
    passed = true;
    failure = error;
  });
  if (failure !== undefined && failure !== null) throw failure;
  if (!passed) {
    throw new TypeError(
      'early-return: the handler in "secure" must call next() at once; set its headers in "headers" if it cannot.',
    );
  }
}
