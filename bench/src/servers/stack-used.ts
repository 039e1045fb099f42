/** Our components by plain `app.use`, without `setup`, served by Express. */
import { createServer } from 'node:http';
import { errors } from '@org/errors';
import express from 'express';
import { announce } from './announce.ts';
import { components } from './components.ts';
import { addRoutes } from './routes.ts';

const app = express();
const made = components();
const answers = errors();
app.use(made.shutdown, made.health, made.correlation, made.logging);
addRoutes(app);
app.use(answers.notFound, answers.handler);
for (const component of Object.values(made)) await component.start?.();
const server = made.shutdown.serve(createServer(app));
server.listen(0, '127.0.0.1', () => announce(server));
