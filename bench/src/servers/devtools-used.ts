/** Our tools for development and nothing else, by `app.use`; every exchange is kept. */
import { devtools } from '@org/devtools';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
app.use(devtools({ allowInProduction: true }));
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
