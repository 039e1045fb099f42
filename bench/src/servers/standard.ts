/** The whole family with its defaults, assembled by `setup` and served by it, ahead of Express. */
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';
import { standardParts } from './standard-parts.ts';

const app = express();
const stack = setup(app, await standardParts());
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
