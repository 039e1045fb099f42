/** Express and the work, and nothing that says no. */
import express from 'express';
import { announce } from './announce.ts';
import { addWork } from './work.ts';

const app = express();
addWork(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
