/** A histogram of prom-client by hand: the same buckets and labels as ours, on `finish`. */
import express from 'express';
import { collectDefaultMetrics, Histogram, register } from 'prom-client';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

collectDefaultMetrics();
const duration = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Duration of requests.',
  labelNames: ['method', 'route', 'status'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
});

const app = express();
app.use((req, res, next) => {
  const end = duration.startTimer();
  res.on('finish', () => {
    const { path } = (req as { readonly route?: { readonly path: string } }).route ?? {};
    end({ method: req.method, route: path ?? '', status: res.statusCode });
  });
  next();
});
app.get('/metrics', async (_req, res) => {
  res.type(register.contentType).send(await register.metrics());
});
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
