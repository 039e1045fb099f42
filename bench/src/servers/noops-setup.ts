/** Middlewares that do nothing, assembled by `setup` and served by it, ahead of Express. */
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { noops } from './noops.ts';
import { addRoutes } from './routes.ts';

const app = express();
const stack = setup(app, noops());
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
