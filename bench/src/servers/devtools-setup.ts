/** Our tools for development and nothing else, served by `setup` ahead of Express; every exchange is kept, with its times. */
import { devtools } from '@org/devtools';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
const stack = setup(app, [devtools({ allowInProduction: true })], { allowHeavy: true });
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
