/** A ping as a route of Express. */
import express from 'express';
import { announce } from './announce.ts';

const app = express();
app.disable('x-powered-by');
app.get('/', (_req, res) => {
  res.json({ pong: true });
});
const server = app.listen(0, '127.0.0.1', () => announce(server));
