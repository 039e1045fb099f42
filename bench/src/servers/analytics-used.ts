/** What counts use, and nothing else, by `app.use`. */
import { analytics } from '@org/analytics';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
app.use(analytics());
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
