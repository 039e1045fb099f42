/** overload-protection with its defaults, but for what it tells strangers of the inside. */
import express from 'express';
import protection from 'overload-protection';
import { announce } from './announce.ts';
import { addWork } from './work.ts';

const app = express();
app.use(protection('express', { production: true }));
addWork(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
