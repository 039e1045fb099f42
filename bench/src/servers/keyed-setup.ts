/** Our keys, served by `setup` ahead of Express, behind the same body parser. */
import { defineMiddleware } from '@org/core';
import { idempotency } from '@org/dedup';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { addKeyedRoutes, readBody } from './keyed-routes.ts';

const app = express();
const body = defineMiddleware({ name: 'body', phase: 'read', handle: readBody });
const stack = setup(app, [body, idempotency()]);
addKeyedRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
