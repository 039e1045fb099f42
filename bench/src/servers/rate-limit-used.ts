/** Our limiter and nothing else, by `app.use`; nobody reaches the limit. */
import { rateLimit } from '@org/rate-limit';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
app.use(rateLimit({ limit: 1_000_000_000 }));
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
