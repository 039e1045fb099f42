/** Our access log and nothing else, served by `setup` ahead of Express. */
import { lineTransport, logging } from '@org/logging';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { logStream } from './log-stream.ts';
import { addRoutes } from './routes.ts';

const app = express();
const log = logging({ format: 'json', transports: [lineTransport(logStream())] });
const stack = setup(app, [log]);
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
