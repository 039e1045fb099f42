/** Our deadline and nothing else, by `app.use`. */
import { timeout } from '@org/timeout';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
app.use(timeout());
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
