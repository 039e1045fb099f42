/** Identical reads at the same time ask the handler once, served by `setup` ahead of Express. */
import { coalescing } from '@org/dedup';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { addCostlyRoute } from './costly-routes.ts';

const app = express();
const stack = setup(app, [coalescing()]);
addCostlyRoute(app);
announce(await stack.listen(0, '127.0.0.1'));
