/**
 * The stack that one assembles from npm today for the same jobs: an id for each request, known to
 * async code and to the client; a line per request; health and shutdown; an answer for every error.
 */
import { createTerminus } from '@godaddy/terminus';
import { expressMiddleware, id } from 'cls-rtracer';
import express, { type NextFunction, type Request, type Response } from 'express';
import expressWinston from 'express-winston';
import createError, { isHttpError } from 'http-errors';
import winston from 'winston';
import { announce } from './announce.ts';
import { logStream } from './log-stream.ts';
import { addRoutes } from './routes.ts';

const app = express();
app.use(expressMiddleware({ useHeader: true, echoHeader: true }));
app.use(
  expressWinston.logger({
    transports: [new winston.transports.Stream({ stream: logStream() })],
    format: winston.format.combine(winston.format.timestamp(), winston.format.json()),
    dynamicMeta: () => ({ requestId: id() }),
  }),
);
addRoutes(app);
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

const server = app.listen(0, '127.0.0.1', () => announce(server));
createTerminus(server, {
  signals: ['SIGTERM', 'SIGINT'],
  healthChecks: { '/health/live': () => Promise.resolve() },
});
