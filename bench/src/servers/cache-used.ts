/** Our cache by plain `app.use`. */
import { cache } from '@org/cache';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

const app = express();
app.use(cache({ compressThresholdBytes: 512 }));
addRoutes(app);
const server = app.listen(0, '127.0.0.1', () => announce(server));
