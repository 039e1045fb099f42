/** `helmet` with its defaults, as its README mounts it. */
import express from 'express';
import helmet from 'helmet';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
app.use(helmet());
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
