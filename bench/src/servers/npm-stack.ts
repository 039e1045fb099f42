/**
 * The stack that one assembles from npm today for the same jobs: an id for each request, known to
 * async code and to the client; a line per request; health and shutdown; an answer for every error.
 */
import { createTerminus } from '@godaddy/terminus';
import { expressMiddleware, id } from 'cls-rtracer';
import express from 'express';
import expressWinston from 'express-winston';
import winston from 'winston';
import { announce } from './announce.ts';
import { logStream } from './log-stream.ts';
import { answerErrors } from './npm-errors.ts';
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
answerErrors(app);

const server = app.listen(0, '127.0.0.1', () => announce(server));
createTerminus(server, {
  signals: ['SIGTERM', 'SIGINT'],
  healthChecks: { '/health/live': () => Promise.resolve() },
});
