/** As `standard`, but what can wait is loaded after it listens. */
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';
import { standardParts } from './standard-parts.ts';

const app = express();
const stack = setup(app, await standardParts(true));
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
