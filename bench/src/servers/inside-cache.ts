/** As `cache-setup`, and how long an answer takes. */
import { cache } from '@org/cache';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';
import { timeInside } from './time-inside.ts';

const app = express();
const stack = setup(app, [cache()]);
addRoutes(app);
const server = await stack.listen(0, '127.0.0.1');
announce(server, false, timeInside(server));
