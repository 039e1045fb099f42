/** What one finds first when one looks for a cache for Express. */
import apicache from 'apicache';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
app.use(apicache.middleware('5 minutes'));
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
