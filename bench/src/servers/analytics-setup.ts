/** What counts use, and nothing else, served by `setup` ahead of Express. */
import { analytics } from '@org/analytics';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
const stack = setup(app, [analytics()]);
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
