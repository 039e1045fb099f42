/** Our queue, served by `setup` ahead of Express, with a limit that nobody has tuned. */
import { queue } from '@org/queue';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { UNTUNED } from './overload-options.ts';
import { addWork } from './work.ts';

const app = express();
const stack = setup(app, [queue(UNTUNED)]);
addWork(app);
announce(await stack.listen(0, '127.0.0.1'));
