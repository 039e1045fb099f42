/** As `stack`, but from the catalogue of `setup`, which loads after it listens what can wait. */
import { lineTransport } from '@org/logging';
import { setup, standard } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { logStream } from './log-stream.ts';
import { addRoutes } from './routes.ts';

const OPTIONS: Readonly<Record<string, object>> = {
  correlation: { context: true },
  logging: { format: 'json', transports: [lineTransport(logStream())] },
};

const NAMES: ReadonlySet<string> = new Set([
  'correlation',
  'logging',
  'health',
  'shutdown',
  'errors',
]);
const isEnabled = (name: string): boolean => NAMES.has(name);

const app = express();
const parts = await standard({ isEnabled, options: (name) => OPTIONS[name] ?? {} });
const stack = setup(app, parts);
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
