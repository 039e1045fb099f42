/** Our compression, by `app.use`: 1 KB of JSON. */
import { compression } from '@org/compression';
import express from 'express';
import { announce } from './announce.ts';
import { jsonOf } from './json-of.ts';

const app = express();
app.disable('x-powered-by');
app.use(compression());
const answer = jsonOf(1 * 1024);
app.get('/', (_req, res) => {
  res.json(answer);
});
const server = app.listen(0, '127.0.0.1', () => announce(server));
