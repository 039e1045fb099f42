/** Our metrics and nothing else, served by `setup` ahead of Express. */
import { metrics } from '@org/metrics';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
const stack = setup(app, [metrics()]);
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
