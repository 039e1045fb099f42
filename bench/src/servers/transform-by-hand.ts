/** Two members of the answer, chosen by hand in the handler. */
import express from 'express';
import { announce } from './announce.ts';
import { ANSWER } from './routes.ts';

const app = express();
app.disable('x-powered-by');
app.get('/', (req, res) => {
  const { id, name, trips } = ANSWER;
  res.json(req.query['fields'] === undefined ? ANSWER : { id, name, trips });
});
const server = app.listen(0, '127.0.0.1', () => announce(server));
