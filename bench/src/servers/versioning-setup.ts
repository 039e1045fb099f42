/** Two changes between the version that the load asks for and the one that the handler speaks. */
import { setup } from '@org/setup';
import { defineChange, versioning } from '@org/versioning';
import express from 'express';
import { announce } from './announce.ts';
import { ANSWER } from './routes.ts';

const { name, population, ...rest } = ANSWER;
const NEWEST = { ...rest, names: [name], inhabitants: { count: population } };

const app = express();
const stack = setup(app, [
  versioning({
    versions: [1, 2, 3],
    changes: [
      defineChange({
        version: 3,
        description: 'A place has several names.',
        response: (value) => {
          const { names, ...others } = value as typeof NEWEST;
          return { ...others, name: names[0] };
        },
      }),
      defineChange({
        version: 2,
        description: 'Inhabitants are counted.',
        response: (value) => {
          const { inhabitants, ...others } = value as Omit<typeof NEWEST, 'names'>;
          return { ...others, population: inhabitants.count };
        },
      }),
    ],
  }),
]);
app.get('/', (_req, res) => {
  res.json(NEWEST);
});
announce(await stack.listen(0, '127.0.0.1'));
