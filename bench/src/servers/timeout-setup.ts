/** Our deadline and nothing else, served by `setup` ahead of Express. */
import { setup } from '@org/setup';
import { timeout } from '@org/timeout';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
const stack = setup(app, [timeout()]);
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
