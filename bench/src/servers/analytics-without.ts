/** `setup` without any component: what its own way of serving costs. */
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
const stack = setup(app, []);
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
