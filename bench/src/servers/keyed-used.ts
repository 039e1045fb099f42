/** Our keys by plain `app.use`, their records in memory. */
import { idempotency } from '@org/dedup';
import express from 'express';
import { announce } from './announce.ts';
import { addKeyedRoutes, readBody } from './keyed-routes.ts';

const app = express();
app.use(readBody, idempotency());
addKeyedRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
