/** Our profiler, which nobody asks for anything, by `app.use`. */
import { profiler } from '@org/profiler';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
app.use(profiler());
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
