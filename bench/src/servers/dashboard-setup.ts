/** Our dashboard and nothing else, served by `setup` ahead of Express; nobody watches. */
import { dashboard } from '@org/dashboard';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
const stack = setup(app, [dashboard()]);
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
