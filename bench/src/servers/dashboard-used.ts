/** Our dashboard and nothing else, by `app.use`; nobody watches, and the past is kept. */
import { dashboard } from '@org/dashboard';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const made = dashboard();
made.start();
const app = express();
app.use(made);
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
