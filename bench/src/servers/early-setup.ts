/** The same answer by a rule, served by `setup` ahead of Express. */
import { earlyReturn } from '@org/early-return';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { PING } from './early-ping.ts';

const app = express();
const stack = setup(app, [earlyReturn(PING)]);
announce(await stack.listen(0, '127.0.0.1'));
