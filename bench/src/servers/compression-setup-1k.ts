/** Our compression, served by `setup` ahead of Express: 1 KB of JSON. */
import { compression } from '@org/compression';
import { setup } from '@org/setup';
import express from 'express';
import { announce } from './announce.ts';
import { jsonOf } from './json-of.ts';

const app = express();
const stack = setup(app, [compression()]);
const answer = jsonOf(1 * 1024);
app.get('/', (_req, res) => {
  res.json(answer);
});
announce(await stack.listen(0, '127.0.0.1'));
