/** The same answer by a rule, by `app.use`. */
import { earlyReturn } from '@org/early-return';
import express from 'express';
import { announce } from './announce.ts';
import { PING } from './early-ping.ts';

const app = express();
app.disable('x-powered-by');
app.use(earlyReturn(PING));
const server = app.listen(0, '127.0.0.1', () => announce(server));
