/** Our queue by plain `app.use`. */
import { queue } from '@org/queue';
import express from 'express';
import { announce } from './announce.ts';
import { FIXED } from './overload-options.ts';
import { addWork } from './work.ts';

const app = express();
app.use(queue(FIXED));
addWork(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
