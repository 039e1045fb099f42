import { request as httpRequest } from 'node:http';
import { channel } from 'node:diagnostics_channel';
import { Writable } from 'node:stream';
import {
  defineComponent,
  type Exchange,
  exchangeOf,
  FAULT_CHANNEL,
  type Propagator,
  report,
} from '@org/core';
import { fakeClock, recordExchanges, serve, type Served } from '@org/core/testing';
import { setup } from '@org/setup';
import express, { type NextFunction, type Request, type Response } from 'express';

import { type Logging, logging, type LoggingOptions, lineTransport } from '@org/logging';

interface World {
  readonly log: Logging;
  readonly served: Served;
  readonly clock: ReturnType<typeof fakeClock>;
  /** Waits for as many requests to end as were made, and answers the lines. */
  lines(requests: number): Promise<Record<string, unknown>[]>;
}

const worlds: World[] = [];
afterEach(async () => {
  for (const { served, log } of worlds.splice(0)) {
    await served.close();
    await log.close();
  }
});

async function world(
  options: Partial<LoggingOptions> = {},
  prepare: (exchange: Exchange) => void = () => undefined,
): Promise<World> {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const clock = fakeClock();
  const log = logging({ clock, format: 'json', transports: [lineTransport(stream)], ...options });
  const recorder = recordExchanges();
  const app = express();
  // The recorder's `done` runs after logging's, which was reached later.
  app.use((req, res, next) => {
    prepare(exchangeOf(req, res, clock));
    next();
  });
  app.use(recorder.middleware, log);
  const router = express.Router();
  router.get('/items/:id', (req, res) => {
    const logger = log.of(req, 'items');
    logger.debug('looked up', { id: req.params['id'] });
    logger.info('found');
    clock.advance(Number(req.query['ms'] ?? 3));
    res.status(Number(req.query['status'] ?? 200)).send('body');
  });
  router.get('/hangs', (req, res) => {
    res.write('part');
    req.on('close', () => undefined);
  });
  router.get('/throws', (req) => {
    log.of(req).debug('before it broke');
    throw new Error('broken\nhandler');
  });
  app.use('/api', router);
  app.use((error: Error, req: Request, res: Response, _next: NextFunction) => {
    exchangeOf(req, res).error = error;
    res.status(500).send('sorry');
  });
  const served = await serve(app);
  const made: World = {
    log,
    served,
    clock,
    async lines(requests) {
      await recorder.waitFor(requests);
      await log.flush();
      return text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
  };
  worlds.push(made);
  return made;
}

const get = async (url: string, headers: Record<string, string> = {}): Promise<void> => {
  await (await fetch(url, { headers: { connection: 'close', ...headers } })).text();
};

describe('the access line', () => {
  test('tells id, trace, method, route, principal, path, status, duration, bytes and how it ended', async () => {
    const { served, lines } = await world({ fields: { service: 'api' } }, (exchange) => {
      exchange.id = 'id-1';
      exchange.trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true };
      exchange.principal = 'ann';
    });
    await get(`${served.url}/api/items/7?token=S3CRET`);
    expect((await lines(1)).at(-1)).toEqual({
      time: '2026-01-01T00:00:00.003Z',
      level: 'info',
      msg: 'request',
      requestId: 'id-1',
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      method: 'GET',
      route: '/api/items/:id',
      principal: 'ann',
      path: '/api/items/7',
      status: 200,
      durationMs: 3,
      bytes: 4,
      aborted: false,
      service: 'api',
    });
  });

  test('does not mark the answer as personal by naming the caller', async () => {
    let seen: Exchange | undefined;
    const { served, lines } = await world({}, (exchange) => {
      exchange.principal = 'ann';
      seen = exchange;
    });
    await get(`${served.url}/api/items/7`);
    expect((await lines(1)).at(-1)).toMatchObject({ principal: 'ann' });
    expect(seen!.principalRead).toBe(false);
  });

  test('shows a server’s fault whole, as an error', async () => {
    const { served, lines } = await world();
    await get(`${served.url}/api/throws`);
    expect((await lines(1)).at(-1)).toMatchObject({
      level: 'error',
      status: 500,
      route: '/api/throws',
      err: {
        type: 'Error',
        message: 'broken\nhandler',
        stack: expect.stringContaining('requests.test'),
      },
    });
  });

  test('shows a refusal without its stack, and what no route took without a route', async () => {
    const { served, lines } = await world({}, (exchange) => {
      exchange.error = Object.assign(new Error('not yours'), { code: 'ERR_DENIED' });
    });
    await get(`${served.url}/nowhere`);
    const line = (await lines(1)).at(-1)!;
    expect(line).toMatchObject({ level: 'info', status: 404, path: '/nowhere' });
    expect(line['err']).toEqual({ type: 'Error', message: 'not yours', code: 'ERR_DENIED' });
    expect(line).not.toHaveProperty('route');
  });

  test('tells of a client that went away', async () => {
    const { served, lines } = await world();
    await new Promise<void>((resolve) => {
      const request = httpRequest(`${served.url}/api/hangs`, (response) => {
        response.once('data', () => request.destroy());
        response.on('error', () => resolve());
      });
      request.on('error', () => resolve());
      request.end();
    });
    expect((await lines(1)).at(-1)).toMatchObject({
      level: 'warn',
      aborted: true,
      status: 200,
      bytes: 4,
    });
  });

  test('is one line whatever the client sends in its path', async () => {
    const { served, lines } = await world();
    await get(`${served.url}/%0a%1b%5b31m"x\u009b`);
    const all = await lines(1);
    expect(all).toHaveLength(1);
    expect(all[0]!['path']).toContain('%0a%1b');
  });

  test('shows the query on request, without secrets in it', async () => {
    const { served, lines } = await world({ url: 'full', redactKeys: ['pin'] });
    await get(`${served.url}/x?a=1&access_token=S3CRET&PIN=S3CRET&b`);
    expect((await lines(1))[0]).toMatchObject({
      path: '/x?a=1&access_token=[redacted]&PIN=[redacted]&b',
    });
  });

  test('redacts its own members by key, and any text by pattern', async () => {
    const { served, lines } = await world(
      { redactKeys: ['principal'], redactPatterns: [/\b\d{6}\b/] },
      (exchange) => {
        exchange.principal = 'ann';
        exchange.id = 'request-123456';
      },
    );
    await get(`${served.url}/customers/654321`);
    expect((await lines(1))[0]).toMatchObject({
      principal: '[redacted]',
      requestId: 'request-[redacted]',
      path: '/customers/[redacted]',
    });
  });

  test('can be left out, for some requests or for all', async () => {
    const some = await world({ skip: ({ req }) => req.originalUrl === '/quiet' });
    await get(`${some.served.url}/quiet`);
    await get(`${some.served.url}/loud`);
    expect((await some.lines(2)).map(({ path }) => path)).toEqual(['/loud']);
    const unsure = await world({
      skip: () => {
        throw new Error('cannot tell');
      },
    });
    await get(`${unsure.served.url}/loud`);
    expect((await unsure.lines(1)).filter(({ path }) => path === '/loud')).toHaveLength(1);
    const none = await world({ access: false });
    await get(`${none.served.url}/loud`);
    expect(await none.lines(1)).toEqual([]);
  });

  test('has its own namespace for levels', async () => {
    const { served, log, lines } = await world();
    log.setLevel('access', 'error');
    await get(`${served.url}/a`);
    await get(`${served.url}/api/throws`);
    expect((await lines(2)).map(({ status }) => status)).toEqual([undefined, 500]);
  });

  test('is sampled only for requests that went well, by the trace where there is one', async () => {
    const traces = ['f', '0'];
    const { served, lines, log } = await world(
      { sampleRatio: 0.5, random: () => 0.9 },
      (exchange) => {
        const digit = traces.shift();
        if (digit !== undefined)
          exchange.trace = {
            traceId: digit.repeat(31) + '1',
            spanId: 'b'.repeat(16),
            sampled: true,
          };
      },
    );
    await get(`${served.url}/left-out-by-trace`);
    await get(`${served.url}/kept-by-trace`);
    await get(`${served.url}/left-out-by-chance`);
    await get(`${served.url}/api/throws`);
    await get(`${served.url}/api/items/1?ms=1000`);
    const access = (await lines(5)).filter(({ msg }) => msg === 'request');
    expect(access.map(({ path, sampleRatio }) => [path, sampleRatio])).toEqual([
      ['/kept-by-trace', 0.5],
      ['/api/throws', undefined],
      ['/api/items/1', undefined],
    ]);
    expect(log.stats()).toMatchObject({ sampledOutTotal: 2 });
  });
});

describe('application lines of a request', () => {
  test('name the request', async () => {
    const { served, lines } = await world({}, (exchange) => {
      exchange.id = 'id-1';
    });
    await get(`${served.url}/api/items/7`);
    expect((await lines(1))[0]).toMatchObject({
      logger: 'items',
      msg: 'found',
      requestId: 'id-1',
      method: 'GET',
      route: '/api/items/:id',
    });
  });

  test('name it without being told where an async context knows it', async () => {
    let current: Exchange | undefined;
    const { log, served, lines } = await world({ current: () => current }, (exchange) => {
      exchange.id = 'id-9';
      current = exchange;
      log2().info('from somewhere deep');
    });
    function log2() {
      return log.logger('deep');
    }
    await get(`${served.url}/x`);
    expect((await lines(1))[0]).toMatchObject({ logger: 'deep', requestId: 'id-9' });
  });

  test.each([true, false])(
    'name it by themselves in a stack that follows async code: %s',
    async (carries) => {
      const { log, lines } = await world();
      const following = Object.assign(defineComponent('following', {}), {
        carries,
        current: () => ({ id: 'id-of-now', trace: undefined }),
        inject: <C>(carrier: C) => carrier,
        extract: () => ({ id: 'x', trace: undefined }),
        run: <T>(_of: unknown, task: () => T) => task(),
      } satisfies Propagator);
      const stack = setup(express(), [following, log]);
      await stack.start();
      log.logger('deep').info('no request at hand');
      const [line] = await lines(0);
      expect(line!['requestId']).toBe(carries ? 'id-of-now' : undefined);
      await stack.close();
    },
  );

  test('carry the ids of a job, which has no route and no end of its own', async () => {
    const { log, lines } = await world();
    const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true };
    const job = log.of({ id: 'request-7', trace }, 'mail');
    job.info('sent');
    job.debug('kept for nobody');
    log.of({ id: 'request-8', trace: undefined }).info('untraced');
    log.of(undefined, 'mail').info('from nobody');
    const written = await lines(0);
    expect(written[0]).toEqual({
      time: expect.any(String),
      level: 'info',
      logger: 'mail',
      msg: 'sent',
      requestId: 'request-7',
      traceId: trace.traceId,
      spanId: trace.spanId,
    });
    expect(written[1]).toMatchObject({ requestId: 'request-8', msg: 'untraced' });
    expect(written[1]).not.toHaveProperty('traceId');
    expect(written[2]).toMatchObject({ logger: 'mail', msg: 'from nobody' });
    expect(written[2]).not.toHaveProperty('requestId');
    expect(log.stats()).toMatchObject({ tailKeptBytes: 0 });
  });

  test('below the threshold are written, before the access line, only if the request fails or is slow', async () => {
    const { served, lines, log } = await world();
    await get(`${served.url}/api/items/1`);
    await get(`${served.url}/api/items/2?status=503`);
    await get(`${served.url}/api/items/3?ms=1000`);
    const tails = (await lines(3)).filter(({ tail }) => tail === true);
    expect(tails.map(({ msg, level, id }) => [msg, level, id])).toEqual([
      ['looked up', 'debug', '2'],
      ['looked up', 'debug', '3'],
    ]);
    const order = (await lines(3)).map(({ msg, tail }) => (tail === true ? 'tail' : msg));
    expect(order).toEqual([
      'found',
      'request',
      'found',
      'tail',
      'request',
      'found',
      'tail',
      'request',
    ]);
    expect(log.stats()).toMatchObject({
      tailWrittenTotal: 2,
      tailDiscardedTotal: 1,
      tailKeptBytes: 0,
    });
  });

  test('are kept within bounds: the oldest of a request give way, and none are kept beyond the total', async () => {
    const many = (exchange: Exchange, log: () => Logging, count: number): void => {
      const logger = log().of(exchange);
      for (let n = 0; n < count; n++) logger.debug(`${n}`);
    };
    const few: World = await world({ tailMaxLines: 2 }, (exchange) =>
      many(exchange, () => few.log, 5),
    );
    await get(`${few.served.url}/api/throws`);
    const kept = (await few.lines(1)).filter(({ tail }) => tail === true);
    expect(kept.map(({ msg }) => msg)).toEqual(['4', 'before it broke']);

    const small: World = await world({ tailMaxBytes: 1024 }, (exchange) =>
      many(exchange, () => small.log, 50),
    );
    await get(`${small.served.url}/api/throws`);
    const fit = (await small.lines(1)).filter(({ tail }) => tail === true);
    expect(fit.length).toBeGreaterThan(0);
    expect(JSON.stringify(fit).length).toBeLessThan(1200);
    expect(small.log.stats()).toMatchObject({ tailKeptBytes: 0 });
  });

  test('are not kept at all when tailLevel is silent', async () => {
    const { served, lines } = await world({ tailLevel: 'silent' });
    await get(`${served.url}/api/throws`);
    expect((await lines(1)).map(({ msg }) => msg)).toEqual(['request']);
  });
});

describe('faults that reach no error handler', () => {
  test('are lines while logging is at work, and nobody’s before and after', async () => {
    const { log, served, lines } = await world();
    const faults = channel(FAULT_CHANNEL);
    expect(faults.hasSubscribers).toBe(false);
    log.start();
    log.start();
    report(new Error('stage broke'), 'capture');
    report('odd', 'listener');
    const all = await (async () => {
      await get(`${served.url}/x`);
      return lines(1);
    })();
    expect(all.slice(0, 2)).toMatchObject([
      {
        level: 'error',
        logger: 'fault',
        msg: 'stage broke',
        where: 'capture',
        err: { stack: expect.stringContaining('requests.test') },
      },
      { level: 'error', logger: 'fault', msg: 'fault in listener', err: 'odd' },
    ]);
    expect(log.stats()).toMatchObject({ faultsTotal: 2 });
    await log.close();
    expect(faults.hasSubscribers).toBe(false);
  });

  test('are listened for from the first request on where nobody calls start', async () => {
    const { log, served, lines } = await world();
    await get(`${served.url}/x`);
    await lines(1);
    expect(channel(FAULT_CHANNEL).hasSubscribers).toBe(true);
    await log.close();
    await get(`${served.url}/x`);
    expect(channel(FAULT_CHANNEL).hasSubscribers).toBe(false);
  });
});

test('works under setup, which starts and closes it', async () => {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const app = express();
  const log = logging({ format: 'json', transports: [lineTransport(stream)] });
  const stack = setup(app, [log]);
  app.get('/items/:id', (_req, res) => void res.json({ ok: true }));
  const server = await stack.listen(0);
  const { port } = server.address() as { port: number };
  await get(`http://127.0.0.1:${port}/items/5`);
  await stack.close();
  const access = text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => msg === 'request');
  expect(access).toMatchObject([{ route: '/items/:id', status: 200, bytes: 11 }]);
});
