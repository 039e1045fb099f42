/** What one finds first when one looks for idempotency keys for Express; its handlers ask whether there was a hit. */
import express from 'express';
import { getSharedIdempotencyService, idempotency } from 'express-idempotency';
import { announce } from './announce.ts';
import { addRoutes, ANSWER } from './routes.ts';
import { readBody } from './keyed-routes.ts';

const app = express();
app.use(readBody, idempotency());
addRoutes(app);
app.post('/', (req, res) => {
  if (getSharedIdempotencyService().isHit(req)) return;
  res.status(201).json(ANSWER);
});
const server = app.listen(0, '127.0.0.1', () => announce(server));
