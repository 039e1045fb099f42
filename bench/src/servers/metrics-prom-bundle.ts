/** `express-prom-bundle`, by the route and the method, with Node's own metrics as its README has it. */
import express from 'express';
import promBundle from 'express-prom-bundle';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
app.use(
  promBundle({
    includeMethod: true,
    includePath: true,
    promClient: { collectDefaultMetrics: {} },
  }),
);
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
