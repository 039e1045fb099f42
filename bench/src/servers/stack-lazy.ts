/** As `stack`, but what no request needs at once is loaded after the server listens. */
import { lazy, setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { components } from './components.ts';
import { addRoutes } from './routes.ts';

const app = express();
const later = lazy(
  { name: 'errors', phase: 'recover' },
  async () => (await import('@org/errors')).errors(),
  { when: 'listening' },
);
const stack = setup(app, [...Object.values(components()), later]);
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
