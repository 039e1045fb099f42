/** The same choice by our declaration, served by `setup` ahead of Express. */
import { setup } from '@org/setup';
import { transform } from '@org/transform';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
const stack = setup(app, [transform({ shape: { fields: true } })]);
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
