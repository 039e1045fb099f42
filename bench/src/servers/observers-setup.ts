/** All of our observers, as they are by default, served by `setup` ahead of Express; nobody asks them anything. */
import { analytics } from '@org/analytics';
import { correlation } from '@org/correlation';
import { dashboard } from '@org/dashboard';
import { lineTransport, logging } from '@org/logging';
import { metrics } from '@org/metrics';
import { profiler } from '@org/profiler';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { logStream } from './log-stream.ts';
import { addRoutes } from './routes.ts';

const app = express();
const log = logging({ format: 'json', transports: [lineTransport(logStream())] });
const parts = [correlation(), log, metrics(), analytics(), profiler(), dashboard()];
const stack = setup(app, parts, { allowHeavy: true });
addRoutes(app);
announce(await stack.listen(0, '127.0.0.1'));
