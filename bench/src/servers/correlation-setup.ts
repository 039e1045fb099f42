/** Our correlation and nothing else, served by `setup` ahead of Express. */
import { correlation } from '@org/correlation';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
const stack = setup(app, [correlation()]);
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
