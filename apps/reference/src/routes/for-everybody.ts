/**
 * What is the same for everybody and changes only when a newer data set is loaded: kept
 * for five minutes, then shown for an hour while it is fetched anew, and for a day when
 * the database is away (RFC 5861).
 */
import type { NextFunction, Request, Response } from 'express';

export function forEverybody(_req: Request, res: Response, next: NextFunction): void {
  res.setHeader(
    'Cache-Control',
    'public, max-age=300, stale-while-revalidate=3600, stale-if-error=86400',
  );
  next();
}
