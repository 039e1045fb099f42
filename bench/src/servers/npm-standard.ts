/**
 * What one assembles from npm today for as many of those jobs as there are packages for: the five of
 * `npm-stack`, and security headers, a limit for each client, coding, and a deadline.
 */
import { createTerminus } from '@godaddy/terminus';
import { expressMiddleware, id } from 'cls-rtracer';
import compression from 'compression';
import timeout from 'connect-timeout';
import express, { type NextFunction, type Request, type Response } from 'express';
import rateLimit from 'express-rate-limit';
import expressWinston from 'express-winston';
import helmet from 'helmet';
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
app.use(timeout('30s'));
app.use(helmet());
app.use(rateLimit({ limit: 2_000_000_000, standardHeaders: 'draft-8', legacyHeaders: false }));
app.use(compression());
app.use(express.json());
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
