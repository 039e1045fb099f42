/** One deadline per request, through a real server. */
import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect } from 'node:net';
import { defineStages, type Exchange, exchangeOf, type Given } from '@org/core';
import { type FakeClock, fakeClock, recordExchanges, serve } from '@org/core/testing';
import { errors } from '@org/errors';
import { setup } from '@org/setup';
import {
  type Expiry,
  timeout,
  type Timeout,
  TIMEOUT_CHANNEL,
  type TimeoutMessage,
  type TimeoutOptions,
} from '@org/timeout';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';

interface Context {
  readonly app: Express;
  readonly clock: FakeClock;
  readonly deadline: Timeout;
  readonly url: string;
  readonly port: number;
  /** What the last one that was late had left when it reached a handler, in ms. */
  readonly leftMs: number;
  readonly ended: readonly (readonly [string, Expiry])[];
  /** Asks, and moves time on once the handler has been reached. */
  late(path: string, byMs?: number, headers?: Record<string, string>): Promise<globalThis.Response>;
  /** Resolves with the exchange of the next request that reaches a handler. */
  reached(): Promise<Exchange>;
}

/** Serves `routes` behind the deadline; `how` mounts it. */
async function within(
  options: Given<TimeoutOptions>,
  routes: (app: Express, context: Context) => void,
  use: (context: Context) => Promise<void>,
  how: 'app.use' | 'setup' = 'app.use',
): Promise<void> {
  const clock = fakeClock();
  const ended: (readonly [string, Expiry])[] = [];
  const deadline = timeout({
    clock,
    onTimeout: (exchange, expiry) => ended.push([exchange.req.path, expiry]),
    ...options,
  });
  const app = express();
  const waiting: ((exchange: Exchange) => void)[] = [];
  const context: { -readonly [K in keyof Context]: Context[K] } = {
    app,
    clock,
    deadline,
    url: '',
    port: 0,
    leftMs: Number.NaN,
    ended,
    reached: () => new Promise((resolve) => waiting.push(resolve)),
    async late(path, byMs = 30_000, headers = {}) {
      const arrived = context.reached();
      const answer = fetch(context.url + path, { headers });
      context.leftMs = (await arrived).remainingMs;
      clock.advance(byMs);
      return answer;
    },
  };
  const arrive = (req: Request, res: Response, next: NextFunction): void => {
    waiting.shift()?.(exchangeOf(req, res));
    next();
  };
  if (how === 'setup') {
    const stack = setup(app, [deadline, errors()], { clock });
    app.use(arrive);
    routes(app, context);
    const server = await stack.listen(0, '127.0.0.1');
    context.port = (server.address() as { port: number }).port;
    context.url = `http://127.0.0.1:${context.port}`;
    await use(context);
    server.closeAllConnections();
    await stack.close();
    return;
  }
  app.use(deadline, arrive);
  routes(app, context);
  const { url, port, close } = await serve(app);
  Object.assign(context, { url, port });
  await use(context);
  await close();
  await deadline.close?.();
}

const silent = (): void => undefined;

describe.each(['app.use', 'setup'] as const)('a handler that takes too long, by %s', (how) => {
  test('is answered for with a 503 problem, and its signal aborts after that', async () => {
    let reason: unknown;
    await within(
      {},
      (app) =>
        app.get('/slow', (req, res) => {
          const { signal } = exchangeOf(req, res);
          signal.addEventListener('abort', () => (reason = signal.reason));
        }),
      async ({ late, ended, deadline }) => {
        const answer = await late('/slow');
        expect(answer.status).toBe(503);
        expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
        expect(await answer.json()).toMatchObject({
          status: 503,
          code: 'ERR_TIMEOUT',
          detail: expect.stringContaining('30000 ms') as string,
        });
        await new Promise(setImmediate);
        expect(reason).toMatchObject({ code: 'ERR_TIMEOUT' });
        expect(ended).toEqual([['/slow', 'answered']]);
        expect(deadline.stats?.()).toMatchObject({ running: 0, answeredTotal: 1, cutTotal: 0 });
      },
      how,
    );
  });

  test('is answered for with a 503 also where its own answer is held back, and counted as answered', async () => {
    await within(
      {},
      (app) =>
        app.get('/held', (req, res) => {
          exchangeOf(req, res).tap(defineStages({ hold: () => new Promise(() => undefined) }));
          res.status(201).json({ made: true });
        }),
      async ({ late, ended }) => {
        const answer = await late('/held');
        expect(answer.status).toBe(503);
        expect(await answer.json()).toMatchObject({ code: 'ERR_TIMEOUT' });
        expect(ended).toEqual([['/held', 'answered']]);
      },
      how,
    );
  });

  test('may answer later: nobody gets it, nothing throws, it is counted, and the connection goes on', async () => {
    let finish!: () => void;
    let failed: unknown;
    await within(
      {},
      (app) => {
        const inner = express.Router();
        inner.get('/slow', async (_req, res) => {
          await new Promise<void>((resolve) => (finish = resolve));
          try {
            res.set('X-Late', '1').status(200).json({ late: true });
          } catch (error) {
            failed = error;
          }
        });
        app.use('/inner', inner);
        app.get('/next', (_req, res) => void res.send('fine'));
      },
      async ({ late, deadline, url }) => {
        expect((await late('/inner/slow')).status).toBe(503);
        finish();
        await new Promise(setImmediate);
        expect(await (await fetch(`${url}/next`)).text()).toBe('fine');
        expect(failed).toBeUndefined();
        expect(deadline.stats?.()).toMatchObject({ lateWritesTotal: 1 });
      },
      how,
    );
  });

  test('that gives up by its signal fails unseen: the answer has been given', async () => {
    await within(
      {},
      (app) =>
        app.get('/slow', async (req, res) => {
          const { signal } = exchangeOf(req, res);
          await new Promise((_resolve, reject) =>
            signal.addEventListener('abort', () => reject(new Error('gave up'))),
          );
        }),
      async ({ late }) => {
        const answer = await late('/slow');
        expect(answer.status).toBe(503);
        expect(await answer.json()).toMatchObject({ code: 'ERR_TIMEOUT' });
      },
      how,
    );
  });

  test('that is done in time costs nothing but a place in the list', async () => {
    await within(
      {},
      (app) => app.get('/', (_req, res) => void res.send('fine')),
      async ({ late, ended, deadline }) => {
        expect((await late('/', 29_999)).status).toBe(200);
        expect(ended).toEqual([]);
        expect(deadline.stats?.()).toMatchObject({ running: 0, answeredTotal: 0 });
      },
      how,
    );
  });
});

describe('the answer', () => {
  test("is that of an error handler of one's own, where it is given", async () => {
    await within(
      {
        answer: (_req, res, error) =>
          void res.status(error.status).send(`own: ${error.code}, exposed: ${error.expose}`),
      },
      (app) => app.get('/slow', silent),
      async ({ late }) => {
        const answer = await late('/slow');
        expect(answer.status).toBe(503);
        expect(await answer.text()).toBe('own: ERR_TIMEOUT, exposed: true');
      },
    );
  });

  test.each<[string, (answerLater: (later: () => void) => void, res: Response) => void]>([
    ['waits', (later, res) => later(() => void res.status(500).send('own'))],
    [
      'throws',
      () => {
        throw new Error('deliberate');
      },
    ],
  ])('is a plain problem where that handler %s', async (_name, handle) => {
    const faults = channel('@org/fault');
    const hear = (): void => undefined;
    faults.subscribe(hear);
    let answerNow: (() => void) | undefined;
    await within(
      { answer: (_req, res) => handle((later) => (answerNow = later), res) },
      (app) => app.get('/slow', silent),
      async ({ late, deadline }) => {
        const answer = await late('/slow');
        expect(answer.status).toBe(503);
        expect(await answer.json()).toMatchObject({ code: 'ERR_TIMEOUT' });
        answerNow?.();
        expect(deadline.stats?.()).toMatchObject({
          lateWritesTotal: answerNow === undefined ? 0 : 1,
        });
      },
    );
    faults.unsubscribe(hear);
  });

  test('of @org/errors bears the id under which the log tells the rest', async () => {
    await within(
      {},
      (app) => app.get('/slow', silent),
      async ({ late }) => {
        const answer = await late('/slow', 30_000, { accept: 'text/plain' });
        expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
        expect(await answer.text()).toContain('ERR_TIMEOUT');
      },
      'setup',
    );
  });

  test('is a 504 where the service stands before another', async () => {
    await within(
      { status: 504 },
      (app) => app.get('/slow', silent),
      async ({ late }) => {
        expect((await late('/slow')).status).toBe(504);
      },
    );
  });

  test('goes to nobody whose client has gone', async () => {
    await within(
      {},
      (app) => app.get('/slow', silent),
      async (context) => {
        const arrived = context.reached();
        const socket = connect(context.port, '127.0.0.1');
        socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
        const exchange = await arrived;
        const closed = once(exchange.res, 'close');
        socket.destroy();
        await closed;
        context.clock.advance(60_000);
        await new Promise(setImmediate);
        expect(context.ended).toEqual([]);
        expect(context.deadline.stats?.()).toMatchObject({ running: 0 });
      },
    );
  });

  test('of one of many on a connection does not disturb those behind it', async () => {
    await within(
      {},
      (app) => {
        app.get('/slow', silent);
        app.get('/next', (_req, res) => void res.send('the next'));
      },
      async ({ port, reached, clock }) => {
        const arrived = reached();
        const socket = connect(port, '127.0.0.1');
        socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n');
        await arrived;
        clock.advance(30_000);
        let text = '';
        for await (const chunk of socket) {
          text += String(chunk);
          if (text.includes('the next')) break;
        }
        expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 503', 'HTTP/1.1 200']);
      },
    );
  });
});

describe('the time', () => {
  test('of a route is its own, or none', async () => {
    await within(
      { routes: { '/quick/:id': 100, '/events': false } },
      (app) => app.use(silent),
      async ({ late, url, reached, clock, ended, deadline }) => {
        expect((await late('/quick/1', 100)).status).toBe(503);
        const arrived = reached();
        const cancel = new AbortController();
        const answer = fetch(`${url}/events`, { signal: cancel.signal });
        const exchange = await arrived;
        expect(exchange.deadlineMs).toBe(Number.POSITIVE_INFINITY);
        clock.advance(3_600_000);
        await new Promise(setImmediate);
        expect(ended).toHaveLength(1);
        expect(deadline.stats?.()).toMatchObject({ running: 0 });
        cancel.abort();
        await expect(answer).rejects.toThrow('aborted');
      },
    );
  });

  test.each([
    ['2', 2000],
    ['0.5', 500],
    ['1.239', 1200],
    ['3600', 30_000],
    ['0', 1],
  ])('that a caller states as %s s is %i ms at the most', async (stated, timeMs) => {
    await within(
      {},
      (app) => app.use(silent),
      async (context) => {
        const answer = await context.late('/', timeMs, { 'request-timeout': stated });
        expect(answer.status).toBe(503);
        expect(context.leftMs).toBe(timeMs);
      },
      'setup',
    );
  });

  test.each(['', 'soon', '-1', '1e3', '1.2345', '99999999', 'NaN', 'Infinity'])(
    'that a caller states as "%s" is not one',
    async (stated) => {
      await within(
        {},
        (app) => app.use((_req, res) => void res.send('fine')),
        async (context) => {
          const answer = await context.late('/', 0, { 'request-timeout': stated });
          expect(answer.status).toBe(200);
          expect(context.deadline.stats?.()).toMatchObject({ statedTotal: 0 });
        },
      );
    },
  );

  test('in ms, in another header, up to another cap', async () => {
    await within(
      { header: 'X-Timeout-Ms', headerUnit: 'ms', maxHeaderMs: 60_000 },
      (app) => app.use(silent),
      async ({ late }) => {
        expect((await late('/', 45_000, { 'x-timeout-ms': '45000' })).status).toBe(503);
      },
    );
  });

  test('is not read from callers where that is switched off', async () => {
    await within(
      { header: false },
      (app) => app.use(silent),
      async (context) => {
        const answer = await context.late('/', 30_000, { 'request-timeout': '1' });
        expect(answer.status).toBe(503);
        expect(context.leftMs).toBe(30_000);
      },
      'setup',
    );
  });

  test('that is left is told to the next service', async () => {
    const told: unknown[] = [];
    await within(
      { routes: { '/none': false } },
      (app, context) =>
        app.use((_req, res) => {
          context.clock.advance(1234.5);
          told.push(context.deadline.headers(res));
          res.end();
        }),
      async ({ url }) => {
        await fetch(url);
        await fetch(`${url}/none`);
        expect(told).toEqual([{ 'Request-Timeout': '28.765' }, {}]);
      },
      'setup',
    );
  });

  test('begins anew where the handler says so, and ends where it says so', async () => {
    await within(
      {},
      (app, context) => {
        app.get('/renewed', (_req, res) => context.deadline.renew(res, 90_000));
        app.get('/exempt', (_req, res) => {
          context.deadline.exempt(res);
          context.deadline.renew(res);
        });
      },
      async ({ late, url, reached, clock, ended, deadline }) => {
        expect((await late('/renewed', 90_000)).status).toBe(503);
        const arrived = reached();
        const cancel = new AbortController();
        const answer = fetch(`${url}/exempt`, { signal: cancel.signal });
        await arrived;
        clock.advance(900_000);
        await new Promise(setImmediate);
        expect(ended).toEqual([['/renewed', 'answered']]);
        expect(() => deadline.renew({} as Response, 0)).toThrow(/timeMs must be .*at least 1/);
        cancel.abort();
        await expect(answer).rejects.toThrow('aborted');
      },
    );
  });

  test('of two deadlines is the shorter', async () => {
    await within(
      {},
      (app, { clock }) => {
        app.use(timeout({ clock, timeoutMs: 1000 }));
        app.use(silent);
      },
      async ({ late }) => {
        expect((await late('/', 1000)).status).toBe(503);
      },
    );
  });
});

describe('once the head is sent', () => {
  /** Begins to answer; the client reads, or does not. */
  const begun = (app: Express): void =>
    void app.get('/begun', (_req, res) => void res.type('text').write('begun'));

  async function beginReading({ url, reached }: Context): Promise<{
    readonly exchange: Exchange;
    readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  }> {
    const arrived = reached();
    const answer = await fetch(`${url}/begun`);
    const reader = answer.body!.getReader();
    await reader.read();
    return { exchange: await arrived, reader };
  }

  test('an answer that the client takes goes on, and one that stalls is cut', async () => {
    await within({}, begun, async (context) => {
      const { exchange, reader } = await beginReading(context);
      context.clock.advance(30_000);
      expect(context.deadline.stats?.()).toMatchObject({ renewedTotal: 1, cutTotal: 0 });
      exchange.res.write('more');
      await reader.read();
      context.clock.advance(30_000);
      expect(context.deadline.stats?.()).toMatchObject({ renewedTotal: 2, cutTotal: 0 });
      context.clock.advance(30_000);
      await expect(reader.read()).rejects.toThrow('terminated');
      expect(exchange.signal.aborted).toBe(true);
      expect(context.ended).toEqual([['/begun', 'cut']]);
    });
  });

  test('an answer that must be whole by the deadline is cut there', async () => {
    await within({ afterHead: 'cut' }, begun, async (context) => {
      const { reader } = await beginReading(context);
      context.clock.advance(30_000);
      await expect(reader.read()).rejects.toThrow('terminated');
      expect(context.ended).toEqual([['/begun', 'cut']]);
    });
  });

  test('an answer whose deadline is met by its head goes on for ever', async () => {
    await within({ afterHead: 'ignore' }, begun, async (context) => {
      const { exchange, reader } = await beginReading(context);
      context.clock.advance(3_600_000);
      exchange.res.end('the end');
      const { value } = await reader.read();
      expect(String(Buffer.from(value!))).toBe('the end');
      expect(context.ended).toEqual([]);
    });
  });

  test('an event stream has no deadline', async () => {
    await within(
      { afterHead: 'cut' },
      (app) =>
        app.get('/begun', (_req, res) => {
          res.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
          res.write('data: 1\n\n');
        }),
      async (context) => {
        const { exchange, reader } = await beginReading(context);
        expect(exchange.deadlineMs).toBe(Number.POSITIVE_INFINITY);
        context.clock.advance(3_600_000);
        exchange.res.end('data: 2\n\n');
        expect(String(Buffer.from((await reader.read()).value!))).toBe('data: 2\n\n');
      },
    );
  });
});

describe('its life', () => {
  test('one timer serves all, and close leaves none and lets requests be', async () => {
    await within(
      {},
      (app) => app.use(silent),
      async ({ url, reached, clock, deadline, ended }) => {
        const arrived = [reached(), reached(), reached()];
        const cancel = new AbortController();
        const answers = arrived.map(() => fetch(url, { signal: cancel.signal }).catch(silent));
        await Promise.all(arrived);
        expect([clock.pending, deadline.stats?.()['running']]).toEqual([1, 3]);
        await deadline.close?.();
        expect(clock.pending).toBe(0);
        clock.advance(60_000);
        expect(ended).toEqual([]);
        cancel.abort();
        await Promise.all(answers);
      },
    );
  });

  test('those who listen on the channel hear of it, and a hook that throws disturbs nobody', async () => {
    const heard: string[] = [];
    const listen = (message: unknown): void => void heard.push((message as TimeoutMessage).expiry);
    channel(TIMEOUT_CHANNEL).subscribe(listen);
    const faults = channel('@org/fault');
    const hear = (): void => undefined;
    faults.subscribe(hear);
    await within(
      {
        onTimeout: () => {
          throw new Error('deliberate');
        },
      },
      (app) => app.use(silent),
      async ({ late }) => {
        expect((await late('/')).status).toBe(503);
      },
    );
    channel(TIMEOUT_CHANNEL).unsubscribe(listen);
    faults.unsubscribe(hear);
    expect(heard).toEqual(['answered']);
  });

  test('observers see the answer that was given, and the error it was given for', async () => {
    const recorder = recordExchanges();
    await within(
      {},
      (app) => app.use(recorder.middleware, silent),
      async ({ late }) => {
        await (await late('/')).text();
        const [exchange] = await recorder.waitFor(1);
        expect(exchange!.res.statusCode).toBe(503);
        expect(exchange!.error).toMatchObject({ code: 'ERR_TIMEOUT' });
        expect(exchange!.aborted).toBe(false);
      },
    );
  });
});
