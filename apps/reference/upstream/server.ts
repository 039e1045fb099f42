/**
 * A weather service that fails: `GET /weather?latitude=…&longitude=…`. `PUT /faults` with a script
 * of `faults.ts` decides what goes wrong from the next request on, and starts it from its beginning.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { z } from 'zod';

import { type Fate, fates, type FaultScript, readScript } from './faults.ts';
import { weatherAt } from './weather.ts';

const PLACE = z.object({
  latitude: z.coerce.number().min(-90).max(90),
  longitude: z.coerce.number().min(-180).max(180),
});

/** Makes the service; it does not listen yet. */
export function weatherServer(script?: FaultScript): Server {
  let nextFate = fates(script);
  const app: Express = express();
  app.disable('x-powered-by');

  app.put('/faults', express.json(), (req, res) => {
    nextFate = fates(readScript(req.body));
    res.status(204).end();
  });

  app.get('/weather', async (req, res) => {
    const { latitude, longitude } = PLACE.parse(req.query);
    const fate = nextFate();
    if (fate.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, fate.delayMs).unref());
    meet(fate, res, () => res.json(weatherAt(latitude, longitude, Date.now())));
  });

  const wrong: ErrorRequestHandler = (error: unknown, _req, res, next) => {
    if (error instanceof z.ZodError) res.status(400).json({ error: z.prettifyError(error) });
    else next(error);
  };
  app.use(wrong);
  return createServer(app);
}

function meet(fate: Fate, res: ServerResponse, answer: () => void): void {
  switch (fate.kind) {
    case 'answer':
      answer();
      return;
    case 'error':
      if (fate.retryAfterSeconds !== undefined)
        res.setHeader('Retry-After', fate.retryAfterSeconds);
      res.statusCode = fate.status;
      res.setHeader('Content-Type', 'application/json');
      res.end('{"error":"The weather service has a bad day."}');
      return;
    case 'abort':
      res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 1000 });
      res.write('{"temperatureC":', () => res.destroy());
      return;
    case 'hang':
      // The client gives up first.
      return;
  }
}
