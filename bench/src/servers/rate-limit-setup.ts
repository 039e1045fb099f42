/** Our limiter and nothing else, served by `setup` ahead of Express; nobody reaches the limit. */
import { rateLimit } from '@org/rate-limit';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
const stack = setup(app, [rateLimit({ limit: 1_000_000_000 })]);
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
