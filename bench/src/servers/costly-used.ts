/** Identical reads at the same time ask the handler once, by plain `app.use`. */
import { coalescing } from '@org/dedup';
import express from 'express';
import { announce } from './announce.ts';
import { addCostlyRoute } from './costly-routes.ts';

const app = express();
app.use(coalescing());
addCostlyRoute(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
