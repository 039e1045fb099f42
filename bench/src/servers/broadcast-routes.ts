/** What the broadcast bench asks of every server: which protocol it speaks, and batches. */
import express, { type Express } from 'express';

/** Batches that a request has sent: one broadcast a turn, or ten. */
const TURNS = 50;

/** What is told: about 200 bytes as JSON, made anew each time, since it would be something else. */
function news(at: number): object {
  return {
    at,
    trip: '0c5f8a44-6f0b-4a8e-9f6f-2f1d1a1c9d11',
    leg: { from: 'Wellington', to: 'Auckland', km: 493.4, done: 0.37 },
    etaAt: '2026-01-01T12:34:56.789Z',
    note: 'on time',
  };
}

/** `/batch?burst=1` has `broadcast` called fifty times, so many in one turn of the event loop. */
export function broadcastRoutes(
  protocol: 'plain' | 'channels' | 'socket.io',
  broadcast: (data: object) => void,
  app: Express = express(),
): Express {
  app.get('/protocol', (_req, res) => void res.send(protocol));
  app.get('/', (_req, res) => void res.send('ready'));
  app.get('/batch', async (req, res) => {
    const burst = Number(req.query['burst']);
    for (let turn = 0; turn < TURNS; turn++) {
      for (let at = 0; at < burst; at++) broadcast(news(turn * burst + at));
      await new Promise(setImmediate);
    }
    res.send(String(TURNS * burst));
  });
  return app;
}
