/** Our profiler, which nobody asks for anything, served by `setup` ahead of Express. */
import { profiler } from '@org/profiler';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
const stack = setup(app, [profiler()], { allowHeavy: true });
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
