/** The reference app behind apicache, which is told what is for everybody: it would keep the rest as well. */
import apicache from 'apicache';
import express from 'express';
import { createApp } from 'reference/app';
import { readConfig } from 'reference/settings';
import { announce } from './announce.ts';
import { placesEnvironment } from './places-settings.ts';

const { app, stack } = await createApp(readConfig(placesEnvironment(false)));
await stack.start();
const outer = express().disable('x-powered-by');
outer.use(['/api/countries', '/api/cities'], apicache.middleware('5 minutes'));
outer.use(app);
// It marks what comes from its store, but not in production, which all else has seen by now.
process.env['NODE_ENV'] = 'bench';
const server = outer.listen(0, '127.0.0.1', () => announce(server));
