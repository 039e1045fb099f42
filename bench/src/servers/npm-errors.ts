/** Errors as one answers them today, by `http-errors` and a handler. */
import { id } from 'cls-rtracer';
import type { Express, NextFunction, Request, Response } from 'express';
import createError, { isHttpError } from 'http-errors';

/** Mounts the last answers; call it behind the routes. */
export function answerErrors(app: Express): void {
  app.use((_req, _res, next) => next(createError(404, 'There is nothing at this address.')));
  app.use((error: Error, _req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) {
      next(error);
      return;
    }
    const known = isHttpError(error) && error.expose ? error : createError(500);
    res
      .status(known.status)
      .type('application/problem+json')
      .json({ title: known.name, status: known.status, detail: known.message, errorId: id() });
  });
}
