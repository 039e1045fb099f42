/** Express without a coding: 1 KB of JSON. */
import express from 'express';
import { announce } from './announce.ts';
import { jsonOf } from './json-of.ts';

const app = express();
app.disable('x-powered-by');
const answer = jsonOf(1 * 1024);
app.get('/', (_req, res) => {
  res.json(answer);
});
const server = app.listen(0, '127.0.0.1', () => announce(server));
