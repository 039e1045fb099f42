/** A response that somebody else has answered: what its handler still does to it goes nowhere. */
import { once } from 'node:events';
import express, { type Express, type RequestHandler, type Response } from 'express';

import { abandon, defineMiddleware, defineStages, type Exchange, exchangeOf } from '@org/core';
import { serve } from '@org/core/testing';

interface Seen {
  readonly status: number;
  readonly type: string | null;
  readonly body: string;
}

/** Answers for a handler, then has it do `late`; what the client gets, and on which connection. */
async function answerFor(
  late: (res: Response) => void | Promise<void>,
  prepare: (exchange: Exchange, app: Express) => void = () => undefined,
): Promise<{ seen: Seen; next: Seen; lateWrites: number; exchange: Exchange }> {
  let lateWrites = 0;
  let exchange!: Exchange;
  const app = express();
  const handler: RequestHandler = (req, res) => {
    exchange = exchangeOf(req, res);
    prepare(exchange, app);
    res.status(503).type('text').send('answered for it');
    abandon(exchange, () => void lateWrites++);
    return late(res);
  };
  app.get('/late', handler);
  app.get('/next', (_req, res) => void res.send('fine'));
  const { url, close } = await serve(app);
  try {
    const ask = async (path: string): Promise<Seen> => {
      const answer = await fetch(url + path);
      const body = await answer.text();
      return { status: answer.status, type: answer.headers.get('content-type'), body };
    };
    const seen = await ask('/late');
    const next = await ask('/next');
    return { seen, next, lateWrites, exchange };
  } finally {
    await close();
  }
}

const ANSWERED: Seen = {
  status: 503,
  type: 'text/plain; charset=utf-8',
  body: 'answered for it',
};

/** What handlers do that do not know that nobody waits. */
const LATE: Record<string, (res: Response) => void | Promise<void>> = {
  'res.json': (res) => void res.status(200).json({ late: true }),
  'res.send': (res) => void res.send('late'),
  'res.redirect': (res) => res.redirect('/elsewhere'),
  'res.cookie and res.set': (res) => void res.cookie('a', 'b').set('X-Late', '1').end(),
  'writeHead, write and end': (res) => {
    res.writeHead(200, { 'X-Late': '1' });
    res.flushHeaders();
    res.write('late');
    res.end('late');
  },
  'headers added, replaced and taken away': (res) => {
    res.appendHeader('X-Late', '1');
    res.removeHeader('Content-Type');
    res.setHeaders(new Map([['x-late', '1']]));
    res.end();
  },
  'an error for the error handlers': () => {
    throw new Error('late');
  },
  'a rejection for the error handlers': () => Promise.reject(new Error('late')),
};

describe('after abandon', () => {
  test.each(Object.entries(LATE))('%s reaches nobody and throws nothing', async (_name, late) => {
    let thrown: unknown;
    const { seen, next } = await answerFor((res) => {
      try {
        return late(res);
      } catch (error) {
        thrown = error;
        throw error;
      }
    });
    expect(seen).toEqual(ANSWERED);
    expect(next.body).toBe('fine');
    expect(thrown === undefined || (thrown as Error).message === 'late').toBe(true);
  });

  test('bodies and their parts are counted, heads are not', async () => {
    const { lateWrites } = await answerFor((res) => {
      res.set('X-Late', '1');
      res.write('one');
      res.end('two');
    });
    expect(lateWrites).toBe(2);
  });

  test('callbacks of write and end are called, and the writer is told to go on', async () => {
    const written: unknown[] = [];
    let ended!: () => void;
    const whole = new Promise<void>((resolve) => (ended = resolve));
    await answerFor(async (res) => {
      res.write('x', (error) => written.push(error));
      await once(res, 'drain');
      res.end(ended);
    });
    await whole;
    expect(written).toEqual([undefined]);
  });

  test('observers see the status that was sent', async () => {
    const statuses: number[] = [];
    const { exchange } = await answerFor(
      (res) => void res.status(200).json({}),
      (one) => one.tap(defineStages({ done: ({ res }) => void statuses.push(res.statusCode) })),
    );
    expect(statuses).toEqual([503]);
    expect(exchange.abandoned).toBe(true);
  });

  test('an answer whose coding is under way is sent whole', async () => {
    const { seen } = await answerFor(
      (res) => void res.status(200).json({ late: true }),
      (exchange) =>
        exchange.tap(
          defineStages({
            encode: (_head, body) => ({
              coding: 'identity',
              body: new Promise((resolve) => setImmediate(() => resolve(body))),
            }),
          }),
        ),
    );
    expect(seen.status).toBe(503);
    expect(seen.body).toBe('answered for it');
  });

  test('a step that was waited for does not let the request go on', async () => {
    const reached: string[] = [];
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const app = express();
    app.use(
      defineMiddleware({
        name: 'waits',
        phase: 'admit',
        async step(exchange) {
          setImmediate(() => {
            exchange.res.status(503).end('answered for it');
            abandon(exchange);
            release();
          });
          await released;
        },
      }),
      (_req, res) => {
        reached.push('handler');
        res.end();
      },
    );
    const { url, close } = await serve(app);
    expect((await fetch(url)).status).toBe(503);
    await new Promise(setImmediate);
    await close();
    expect(reached).toEqual([]);
  });
});
