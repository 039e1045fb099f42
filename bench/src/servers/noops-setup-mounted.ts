/** Middlewares that do nothing, assembled by `setup`, but served by Express: one layer of its router. */
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { noops } from './noops.ts';
import { addRoutes } from './routes.ts';

const app = express();
const stack = setup(app, noops());
addRoutes(app);
await stack.start();
const server = app.listen(0, '127.0.0.1', () => announce(server));
