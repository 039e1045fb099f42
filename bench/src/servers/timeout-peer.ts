/** `connect-timeout` with the same time, as its README mounts it. */
import timeout from 'connect-timeout';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
app.use(timeout('30s'));
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
