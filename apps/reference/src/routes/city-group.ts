/** The cache group of every answer that shows cities (RFC 9875): who corrects one invalidates all of it. */
import type { NextFunction, Request, Response } from 'express';

/** A List of Strings, as `Cache-Groups` and `Cache-Group-Invalidation` have it. */
export const CITIES_GROUP = '"cities"';

export function showsCities(_req: Request, res: Response, next: NextFunction): void {
  res.setHeader('Cache-Groups', CITIES_GROUP);
  next();
}
