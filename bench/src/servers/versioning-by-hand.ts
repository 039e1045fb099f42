/** What the same two changes cost by hand, in the handler. */
import express from 'express';
import { announce } from './announce.ts';
import { ANSWER } from './routes.ts';

const { name: first, population, ...rest } = ANSWER;
const NEWEST = { ...rest, names: [first], inhabitants: { count: population } };

const app = express();
app.disable('x-powered-by');
app.get('/', (req, res) => {
  res.vary('API-Version').set('API-Version', req.get('api-version') ?? '1');
  if (req.get('api-version') === '3') {
    res.json(NEWEST);
    return;
  }
  const { names, inhabitants, ...others } = NEWEST;
  res.json({ ...others, name: names[0], population: inhabitants.count });
});
const server = app.listen(0, '127.0.0.1', () => announce(server));
