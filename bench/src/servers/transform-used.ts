/** The same choice by our declaration, by `app.use`. */
import { transform } from '@org/transform';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
app.use(transform({ shape: { fields: true } }));
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
