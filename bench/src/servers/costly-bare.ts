/** Each read asks the handler. */
import express from 'express';
import { announce } from './announce.ts';
import { addCostlyRoute } from './costly-routes.ts';

const app = express();
addCostlyRoute(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
