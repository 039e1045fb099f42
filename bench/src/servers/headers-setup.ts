/** The same headers by our package, served by `setup` ahead of Express. */
import { headers } from '@org/security';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
const stack = setup(app, [headers({ preset: 'site' })]);
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
