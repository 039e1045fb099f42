/** The same headers by our package, by `app.use`. */
import { headers } from '@org/security';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
app.use(headers({ preset: 'site' }));
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
