/** Our metrics and nothing else, by `app.use`. */
import { metrics } from '@org/metrics';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
app.use(metrics());
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
