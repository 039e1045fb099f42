/** Plain handlers that do nothing, by `app.use`. */
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes, NOOPS } from './routes.ts';

const app = express();
for (let at = 0; at < NOOPS; at++) {
  app.use((_req, _res, next) => {
    next();
  });
}
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
