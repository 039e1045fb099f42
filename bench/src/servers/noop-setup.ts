/** One step that does nothing, served by `setup` ahead of Express: what an observer is compared with. */
import { defineMiddleware } from '@org/core';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
const noop = defineMiddleware({ name: 'noop', phase: 'observe', step: () => undefined });
const stack = setup(app, [noop]);
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
