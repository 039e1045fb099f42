/** Writes that run as often as they are sent. */
import express from 'express';
import { announce } from './announce.ts';
import { addKeyedRoutes, readBody } from './keyed-routes.ts';

const app = express();
app.use(readBody);
addKeyedRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
