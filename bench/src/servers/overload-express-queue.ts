/** express-queue with the limit that fits the work; its queue as long as ours may become. */
import express from 'express';
import queue from 'express-queue';
import { announce } from './announce.ts';
import { addWork, SLOTS } from './work.ts';

const app = express();
app.use(queue({ activeLimit: SLOTS, queuedLimit: 1000 }));
addWork(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
