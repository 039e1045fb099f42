/** The same choice by express-partial-response, which reads another language than ours: here they say the same. */
import express from 'express';
import partialResponse from 'express-partial-response';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
app.use(partialResponse());
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
