/** Express alone, and how long it takes for an answer. */
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';
import { timeInside } from './time-inside.ts';

const app = express();
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server, false, timeInside(server)));
