/** The whole family with its defaults, assembled by `setup`, but served by Express: one layer of its router. */
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';
import { standardParts } from './standard-parts.ts';

const app = express();
const stack = setup(app, await standardParts());
addRoutes(app);
app.use(...stack.lastAnswers);
await stack.start();
const server = app.listen(0, '127.0.0.1', () => announce(server));
