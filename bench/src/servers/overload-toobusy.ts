/** toobusy-js with its defaults, as its README mounts it. */
import express from 'express';
import toobusy from 'toobusy-js';
import { announce } from './announce.ts';
import { addWork } from './work.ts';

const app = express();
app.use((_req, res, next) => {
  if (toobusy()) res.status(503).set('Retry-After', '1').send("I'm busy right now, sorry.");
  else next();
});
addWork(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
