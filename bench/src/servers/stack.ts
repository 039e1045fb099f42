/** Our components, assembled by `setup` and served by it, ahead of Express. */
import { errors } from '@org/errors';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { components } from './components.ts';
import { addRoutes } from './routes.ts';

const app = express();
const stack = setup(app, [...Object.values(components()), errors()]);
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
