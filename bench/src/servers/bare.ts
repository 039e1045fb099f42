/** Express and the routes, and nothing else: what every other server is compared with. */
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
