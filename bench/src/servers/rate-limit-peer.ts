/** `express-rate-limit` with the same limit and the same fields, as its README mounts it. */
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
app.use(
  rateLimit({
    windowMs: 60_000,
    limit: 1_000_000_000,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
  }),
);
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
