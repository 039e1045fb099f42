/**
 * What one assembles from npm today for as many of those jobs as there are packages for: the five of
 * `npm-stack`, and security headers, a limit for each client, coding, and a deadline.
 */
import { createTerminus } from '@godaddy/terminus';
import { expressMiddleware, id } from 'cls-rtracer';
import compression from 'compression';
import timeout from 'connect-timeout';
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import expressWinston from 'express-winston';
import helmet from 'helmet';
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
app.use(timeout('30s'));
app.use(helmet());
app.use(rateLimit({ limit: 2_000_000_000, standardHeaders: 'draft-8', legacyHeaders: false }));
app.use(compression());
app.use(express.json());
addRoutes(app);
answerErrors(app);

const server = app.listen(0, '127.0.0.1', () => announce(server));
createTerminus(server, {
  signals: ['SIGTERM', 'SIGINT'],
  healthChecks: { '/health/live': () => Promise.resolve() },
});
