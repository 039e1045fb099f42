import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners, once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import express, { type Express, type RequestHandler } from 'express';

import {
  defineMiddleware,
  defineStages,
  type Exchange,
  exchangeOf,
  FAULT_CHANNEL,
  internalRequest,
  type InternalRequestInit,
  type StageHandlers,
} from '@org/core';
import { fakeClock, recordExchanges, serve } from '@org/core/testing';

interface Answer {
  readonly exchange: Exchange;
  readonly status: number;
  readonly body: string;
  readonly headers: Record<string, unknown>;
}

type Listener = Parameters<typeof internalRequest>[0];

/** Asks an app from within and keeps the answer as its last stages saw it. */
async function ask(listener: Listener, init: Partial<InternalRequestInit> = {}): Promise<Answer> {
  const chunks: Buffer[] = [];
  const exchange = await internalRequest(listener, { url: '/', ...init }, (one) =>
    one.tap(
      defineStages({
        capture: () => ({
          write: (chunk) => void chunks.push(Buffer.from(chunk)),
          end: () => undefined,
          abort: () => undefined,
        }),
      }),
    ),
  );
  return {
    exchange,
    status: exchange.res.statusCode,
    body: Buffer.concat(chunks).toString(),
    headers: exchange.res.getHeaders(),
  };
}

function tapping(handlers: StageHandlers): RequestHandler {
  const stages = defineStages(handlers);
  return defineMiddleware({
    name: 'tapping',
    phase: 'shape',
    step: (exchange) => exchange.tap(stages),
  }) as RequestHandler;
}

const quiet = (app: Express): Express => app.set('env', 'test');

describe('an internal request runs through an Express app', () => {
  test('and its routes, parameters, query and json', async () => {
    const inner = express.Router().get('/:id', (req, res) => {
      res.set('X-Url', req.originalUrl).json({ id: req.params.id, q: req.query.q });
    });
    const { exchange, status, body, headers } = await ask(express().use('/places', inner), {
      url: '/places/7?q=a',
    });
    expect([status, body]).toEqual([200, '{"id":"7","q":"a"}']);
    expect(headers).toMatchObject({ 'x-url': '/places/7?q=a', 'content-length': '18' });
    expect(exchange).toMatchObject({
      internal: true,
      settled: true,
      aborted: false,
      bytes: 18,
      route: '/places/:id',
    });
  });

  test('and res.send, res.status, res.redirect, HEAD and 304', async () => {
    const app = express();
    app.get('/sent', (_req, res) => void res.status(201).send('made'));
    app.get('/moved', (_req, res) => res.redirect('/sent'));
    app.get('/tagged', (_req, res) => void res.set('ETag', '"v1"').send('tagged'));
    expect(await ask(app, { url: '/sent' })).toMatchObject({ status: 201, body: 'made' });
    expect(await ask(app, { url: '/moved' })).toMatchObject({ status: 302 });
    const head = await ask(app, { url: '/sent', method: 'HEAD' });
    expect(head).toMatchObject({ status: 201, exchange: { bytes: 0, aborted: false } });
    const asked = { url: '/tagged', headers: { host: 'x', 'if-none-match': '"v1"' } };
    expect(await ask(app, asked)).toMatchObject({ status: 304, exchange: { bytes: 0 } });
  });

  test('and files and streams larger than any buffer, with back-pressure', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'internal-'));
    const file = join(folder, 'large.txt');
    const size = 3 * 2 ** 20 + 7;
    await writeFile(file, Buffer.alloc(size, 'x'));
    const block = Buffer.alloc(200_000, 'y');
    const app = express();
    app.get('/file', (_req, res) => res.sendFile(file));
    app.get('/pipe', (_req, res) => void Readable.from(Array(10).fill(block)).pipe(res));
    app.get('/pipeline', (_req, res, next) => {
      pipeline(Readable.from(Array(10).fill(block)), res, (error) => {
        if (error) next(error);
      });
    });
    app.get('/drain', async (_req, res) => {
      for (let at = 0; at < 9; at++) if (!res.write(block)) await once(res, 'drain');
      // Whoever begins to pipe asks first whether there is room.
      Readable.from([block]).pipe(res);
    });
    const file2 = await ask(app, { url: '/file' });
    expect(file2.exchange).toMatchObject({ bytes: size, aborted: false });
    expect(file2.body).toHaveLength(size);
    for (const url of ['/pipe', '/pipeline', '/drain']) {
      expect((await ask(app, { url })).exchange).toMatchObject({
        bytes: 2_000_000,
        aborted: false,
      });
    }
    await rm(folder, { recursive: true });
  });

  test('and a stream without end leaves turns to others, until it is cut off', async () => {
    const app = express().get('/', (_req, res) => {
      new Readable({
        read() {
          this.push('again and again ');
        },
      }).pipe(res);
    });
    const cut = new AbortController();
    setTimeout(() => cut.abort(), 10);
    const exchange = await internalRequest(app, { url: '/', signal: cut.signal });
    expect(exchange).toMatchObject({ aborted: true, settled: true });
  });

  test('and errors reach the error handlers and the final one', async () => {
    const app = quiet(express());
    app.get('/thrown', () => {
      throw Object.assign(new Error('teapot'), { status: 418 });
    });
    app.get('/rejected', async () => {
      await Promise.resolve();
      throw new Error('late');
    });
    app.get('/midway', (_req, res, next) => {
      res.write('begun');
      setImmediate(() => next(new Error('too late')));
    });
    expect((await ask(app, { url: '/thrown' })).status).toBe(418);
    expect((await ask(app, { url: '/rejected' })).status).toBe(500);
    expect((await ask(app, { url: '/nowhere' })).status).toBe(404);
    expect((await ask(app, { url: '/midway' })).exchange).toMatchObject({ aborted: true });
  });

  test.each<[string, Record<string, string>]>([
    ['nothing', {}],
    ['a type', { 'content-type': 'application/json' }],
    ['a length of 0', { 'content-type': 'application/json', 'content-length': '0' }],
    ['chunks', { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }],
  ])(
    'and body parsers find the body empty, with headers that tell of %s',
    async (_what, headers) => {
      const app = quiet(express());
      app.use(express.json(), express.urlencoded(), express.text(), express.raw());
      app.post('/', async (req, res) => {
        let read = 0;
        for await (const chunk of req) read += (chunk as Buffer).length;
        res.json({ read, body: req.body });
      });
      const answer = await ask(app, { method: 'POST', headers: { host: 'x', ...headers } });
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body)).toMatchObject({ read: 0 });
    },
  );

  test('and body parsers read the body that it brings, whatever its headers say of it', async () => {
    const app = quiet(express()).use(express.json({ limit: '1mb' }));
    app.post('/', (req, res) => {
      const length = req.headers['content-length'];
      res.json({ length, body: req.body, coded: req.headers['transfer-encoding'] });
    });
    const large = JSON.stringify({ text: 'é'.repeat(100_000) });
    for (const text of ['{"a":1}', '{}', large]) {
      const answer = await ask(app, {
        method: 'POST',
        headers: {
          host: 'x',
          'content-type': 'application/json',
          'Content-Length': '3',
          'transfer-encoding': 'chunked',
        },
        body: Buffer.from(text),
      });
      expect(JSON.parse(answer.body)).toEqual({
        length: String(Buffer.byteLength(text)),
        body: JSON.parse(text) as unknown,
      });
    }
  });

  test('and a body can be read as a stream, later, in part, or not at all', async () => {
    const app = express();
    app.put('/late', async (req, res) => {
      await new Promise((resolve) => setImmediate(resolve));
      let read = '';
      for await (const chunk of req) read += String(chunk);
      res.send(`${read} ${req.readableEnded}`);
    });
    app.put('/unread', (_req, res) => void res.send('unread'));
    app.put('/cut', (req, res) => void req.once('data', () => res.destroy()));
    const body = Buffer.alloc(300_000, 'x');
    const late = await ask(app, { method: 'PUT', url: '/late', body });
    expect(late.body).toBe(`${body.toString()} true`);
    expect(await ask(app, { method: 'PUT', url: '/unread', body })).toMatchObject({
      body: 'unread',
      exchange: { aborted: false },
    });
    expect((await ask(app, { method: 'PUT', url: '/cut', body })).exchange.aborted).toBe(true);
    const empty = await ask(app, { method: 'PUT', url: '/late', body: Buffer.alloc(0) });
    expect(empty.body).toBe(' true');
  });

  test('as a client asks for it, too: then it is not the house that asks', async () => {
    const app = express().get('/', (req, res) => {
      res.json({ internal: exchangeOf(req, res).internal, ip: req.ip });
    });
    const init = { internal: false, remoteAddress: '203.0.113.9' };
    expect(JSON.parse((await ask(app, init)).body)).toEqual({ internal: false, ip: '203.0.113.9' });
    expect(JSON.parse((await ask(app)).body)).toMatchObject({ internal: true });
  });

  test('and a length that nothing keeps is refused rather than waited for', async () => {
    const app = quiet(express()).use(express.json());
    const headers = { 'content-type': 'application/json', 'content-length': '5' };
    expect((await ask(app, { method: 'POST', headers })).status).toBe(400);
  });

  test('and the stages of its components, on the first request of an app, too', async () => {
    const log: string[] = [];
    const app = express().use(
      tapping({
        transform: (value) => ({ data: value }),
        head: (head) => head.set('X-Tap', '1'),
        done: ({ internal }) => void log.push(`done ${internal}`),
      }),
    );
    app.get('/', (_req, res) => void res.json({ a: 1 }));
    for (const _ of [1, 2]) {
      const { body, headers } = await ask(app);
      expect([body, headers['x-tap']]).toEqual(['{"data":{"a":1}}', '1']);
    }
    const { url, close } = await serve(app);
    expect(await (await fetch(url)).text()).toBe('{"data":{"a":1}}');
    await close();
    expect(log).toEqual(['done true', 'done true', 'done false']);
  });

  test('and a replaced answer ends it at once', async () => {
    const app = express().use(tapping({ replace: () => Buffer.from('stored') }));
    app.get('/', (_req, res) => void res.write('begun, and never ended'));
    expect(await ask(app)).toMatchObject({
      body: 'stored',
      exchange: { bytes: 6, aborted: false },
    });
  });
});

describe('what an internal request says of itself', () => {
  /** The request as a plain listener sees it. */
  async function seen(init: Partial<InternalRequestInit>): Promise<IncomingMessage> {
    let found: IncomingMessage | undefined;
    await internalRequest(
      (req, res) => {
        found = req;
        res.end();
      },
      { url: '/', ...init },
    );
    return found!;
  }

  test('headers, headersDistinct and rawHeaders agree', async () => {
    const req = await seen({
      headers: {
        Host: 'example.org',
        Accept: ['text/html', 'text/plain'],
        accept: 'image/png',
        cookie: ['a=1', 'b=2'],
        'x-number': 7,
        constructor: 'a field like others' as never,
        'x-absent': undefined,
      },
    });
    expect(req.headers).toEqual({
      host: 'example.org',
      accept: 'text/html, text/plain, image/png',
      cookie: 'a=1; b=2',
      'x-number': '7',
      constructor: 'a field like others',
    });
    expect(req.headersDistinct).toEqual({
      host: ['example.org'],
      accept: ['text/html', 'text/plain', 'image/png'],
      cookie: ['a=1', 'b=2'],
      'x-number': ['7'],
      constructor: ['a field like others'],
    });
    expect(req.rawHeaders.join('|')).toBe(
      'Host|example.org|Accept|text/html|Accept|text/plain|accept|image/png|cookie|a=1|cookie|b=2|x-number|7|constructor|a field like others',
    );
  });

  test('with a body, of its length and nothing else', async () => {
    const body = Buffer.from('four');
    const req = await seen({ method: 'POST', headers: { host: 'x', 'content-length': 9 }, body });
    expect(req.headers).toEqual({ host: 'x', 'content-length': '4' });
    expect(req.headersDistinct).toEqual({ host: ['x'], 'content-length': ['4'] });
    expect(req.rawHeaders).toEqual(['host', 'x', 'Content-Length', '4']);
  });

  test('are the same as a server would make of the same lines', async () => {
    const headers = {
      host: 'example.org',
      'x-list': ['a', 'b'],
      cookie: 'a=1; b=2',
      te: 'trailers',
    };
    const inner = await seen({ method: 'PUT', url: '/a?b=c', headers });
    let outer: IncomingMessage | undefined;
    const { url, close } = await serve((req, res) => {
      outer = req;
      res.end();
    });
    await new Promise((resolve) =>
      request(`${url}/a?b=c`, {
        method: 'PUT',
        headers: { ...headers, connection: 'close', 'content-length': '0' },
      })
        .on('response', (res) => res.resume().on('end', resolve))
        .end(),
    );
    await close();
    for (const name of Object.keys(headers)) {
      expect(inner.headers[name]).toEqual(outer!.headers[name]);
      expect(inner.headersDistinct[name]).toEqual(outer!.headersDistinct[name]);
    }
    for (const name of ['method', 'url', 'httpVersion', 'complete', 'trailers'] as const)
      expect([name, inner[name]]).toEqual([name, outer![name]]);
  });

  test('is GET from loopback to localhost, without encryption, unless told otherwise', async () => {
    const app = express().get('/', ({ method, ip, protocol, secure, hostname }, res) => {
      res.json({ method, ip, protocol, secure, hostname });
    });
    expect(JSON.parse((await ask(app)).body)).toEqual({
      method: 'GET',
      ip: '127.0.0.1',
      protocol: 'http',
      secure: false,
      hostname: 'localhost',
    });
    const told = {
      encrypted: true,
      remoteAddress: '2001:db8::1',
      headers: { host: 'example.org' },
    };
    expect(JSON.parse((await ask(app, told)).body)).toEqual({
      method: 'GET',
      ip: '2001:db8::1',
      protocol: 'https',
      secure: true,
      hostname: 'example.org',
    });
  });

  test('the exchange is the one that components find, with the clock it was given', async () => {
    const clock = fakeClock();
    let found: Exchange | undefined;
    let prepared: Exchange | undefined;
    const app = express().get('/', (req, res) => {
      found = exchangeOf(req, res);
      clock.advance(50);
      res.end();
    });
    const exchange = await internalRequest(app, { url: '/', clock }, (one) => (prepared = one));
    expect(found).toBe(exchange);
    expect(prepared).toBe(exchange);
    expect(exchange.durationMs).toBe(50);
  });
});

describe('an internal request ends', () => {
  /** Notes what a request and its response tell. */
  function noting(log: string[]): RequestHandler {
    return (req, res, next) => {
      for (const event of ['finish', 'close'] as const)
        res.on(event, () => log.push(`res ${event}`));
      for (const event of ['end', 'close', 'aborted'] as const)
        req.on(event, () => log.push(`req ${event}`));
      next();
    };
  }

  test.each<[string, RequestHandler]>([
    ['an answer', (_req, res) => void res.send('ok')],
    ['an answer in parts', (_req, res) => (res.write('one'), void res.end('two'))],
    [
      'an answer once the request is read',
      (req, res) => void req.resume().on('end', () => res.end('ok')),
    ],
    ['a cut by the app', (_req, res) => void res.destroy()],
    ['a cut for a reason', (_req, res) => void res.destroy(new Error('reason'))],
    [
      'a cut midway',
      (_req, res) => {
        res.write('one');
        setImmediate(() => res.destroy());
      },
    ],
    ['a cut of its socket', (req) => void req.socket.destroy()],
    [
      'a stream that fails',
      (_req, res) =>
        void pipeline(
          new Readable({ read: (): void => undefined, signal: AbortSignal.abort() }),
          res,
          () => undefined,
        ),
    ],
  ])('as one from outside does, by %s', async (_what, route) => {
    const inside: string[] = [];
    const outside: string[] = [];
    const exchange = await internalRequest(express().use(noting(inside), route), { url: '/' });
    const recorder = recordExchanges();
    const app = express().use(recorder.middleware as RequestHandler, noting(outside), route);
    const { url, close } = await serve(app);
    await fetch(url, { headers: { connection: 'close' } })
      .then((answer) => answer.text())
      .catch(() => undefined);
    const [other] = await recorder.waitFor(1);
    await close();
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(exchange.aborted).toBe(other!.aborted);
    expect(exchange.bytes).toBe(other!.bytes);
    expect(inside.toSorted()).toEqual(outside.toSorted());
    const ofResponse = (log: string[]): string[] => log.filter((one) => one.startsWith('res'));
    expect(ofResponse(inside)).toEqual(ofResponse(outside));
  });

  test('once: finish and close come once and in this order, and it resolves behind them', async () => {
    const log: string[] = [];
    const app = express().use(noting(log), tapping({ done: () => void log.push('done') }));
    app.get('/', (_req, res) => void res.send('ok'));
    await internalRequest(app, { url: '/' }).then(() => log.push('resolved'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(log.filter((one) => !one.startsWith('req'))).toEqual([
      'res finish',
      'done',
      'res close',
      'resolved',
    ]);
  });

  test('when its signal aborts, wherever the app is', async () => {
    const cut = new AbortController();
    let abandoned: unknown;
    const app = express().get('/', (req, res) => {
      exchangeOf(req, res).signal.addEventListener('abort', function (this: AbortSignal) {
        abandoned = this.reason;
      });
      res.write('begun');
      setImmediate(() => cut.abort());
    });
    const exchange = await internalRequest(app, { url: '/', signal: cut.signal });
    expect(exchange).toMatchObject({ aborted: true, settled: true });
    expect(abandoned).toMatchObject({ code: 'ERR_CLIENT_CLOSED' });
    expect(exchange.res.write('late')).toBe(false);
  });

  test('at once when its signal has aborted before, and nobody is asked', async () => {
    let asked = 0;
    const log: string[] = [];
    const exchange = await internalRequest(
      () => void asked++,
      { url: '/', signal: AbortSignal.abort() },
      (one) => one.tap(defineStages({ done: () => void log.push('done') })),
    );
    expect(exchange).toMatchObject({ aborted: true, settled: true });
    expect([asked, log]).toEqual([0, ['done']]);
  });

  test('and leaves its signal alone', async () => {
    const { signal } = new AbortController();
    const listening: number[] = [];
    const count = (): void => void listening.push(getEventListeners(signal, 'abort').length);
    const answering: Listener = (_req, res) => {
      count();
      res.end();
    };
    await internalRequest(answering, { url: '/', signal });
    count();
    expect(listening).toEqual([1, 0]);
  });

  test('when a listener throws, which is reported', async () => {
    const faults: unknown[] = [];
    const listen = (message: unknown): void => void faults.push(message);
    subscribe(FAULT_CHANNEL, listen);
    const exchange = await internalRequest(
      () => {
        throw new Error('broken listener');
      },
      { url: '/' },
    );
    unsubscribe(FAULT_CHANNEL, listen);
    expect(exchange).toMatchObject({ aborted: true, settled: true });
    expect(faults).toMatchObject([
      { where: 'internal request', error: { message: 'broken listener' }, exchange: {} },
    ]);
  });

  test('before it has begun when its preparation throws', async () => {
    let asked = 0;
    const broken = internalRequest(
      () => void asked++,
      { url: '/' },
      () => {
        throw new Error('cannot prepare');
      },
    );
    await expect(broken).rejects.toThrow('cannot prepare');
    expect(asked).toBe(0);
  });

  test('whatever a listener does to its connection, time limits and interim answers', async () => {
    const log: string[] = [];
    const listener = (req: IncomingMessage, res: ServerResponse): void => {
      req.setTimeout(1, () => void log.push('timeout'));
      res.setTimeout(1, () => void log.push('timeout'));
      req.socket.setTimeout(1);
      req.socket.setKeepAlive(true).setNoDelay(true).unref().ref();
      expect(req.socket.address()).toEqual({});
      res.writeContinue();
      res.writeProcessing();
      res.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => void log.push('hinted'));
      setTimeout(() => res.end('ok'), 5);
    };
    expect(await ask(listener)).toMatchObject({
      body: 'ok',
      exchange: { bytes: 2, aborted: false },
    });
    expect(log).toEqual(['hinted']);
  });

  test('and leaves no handle', async () => {
    const app = express().get('/', (_req, res) => void res.json({ ok: true }));
    await ask(app);
    await new Promise((resolve) => setImmediate(resolve));
    const before = process.getActiveResourcesInfo();
    for (let at = 0; at < 20; at++) await ask(app);
    await ask(() => undefined, { signal: AbortSignal.abort() });
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(process.getActiveResourcesInfo()).toEqual(before);
  });
});
