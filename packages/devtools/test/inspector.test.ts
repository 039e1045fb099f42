import { randomBytes } from 'node:crypto';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { defineMiddleware, HANDLED } from '@org/core';
import { devtools, type ExchangeList } from '@org/devtools';
import express from 'express';

import { Redaction } from '../src/redaction.ts';
import { closeTools, post, startTools } from './tools.ts';

afterEach(closeTools);

describe('what is kept of an exchange', () => {
  it('is the request, the answer, and how long it took', async () => {
    const { url, clock, newest } = await startTools({
      routes: (app) =>
        app.post('/orders/:id', (req, res) => {
          clock.advance(40);
          res.status(201).json({ id: req.params.id, lines: req.body.lines });
        }),
    });
    await fetch(`${url}/orders/7?full=1`, post({ lines: [1, 2] }, { 'x-tenant': 'acme' }));
    const kept = await newest(1);
    expect(kept).toMatchObject({
      id: '1',
      at: Date.UTC(2026, 0, 1),
      durationMs: 40,
      method: 'POST',
      url: '/orders/7?full=1',
      route: '/orders/:id',
      status: 201,
      aborted: false,
      mocked: false,
      request: { body: { text: '{"lines":[1,2]}', truncated: false }, hasUnknownBody: false },
      answer: { status: 201, body: { text: '{"id":"7","lines":[1,2]}', bytes: 24 } },
    });
    expect(kept.request.headers['x-tenant']).toBe('acme');
    expect(kept.answer.headers['content-type']).toBe('application/json; charset=utf-8');
  });

  it('has no secrets: not in headers, query, bodies, and texts of errors', async () => {
    const { url, newest, api } = await startTools({
      options: { redact: ['pin'] },
      routes: (app) => {
        app.post('/login', (req, res) => {
          res.cookie('session', 'c00kie-value');
          res.location('/next?code=1&token=s3cret#access_token=s3cret');
          res.json({ user: req.body.user, access_token: 's3cret', nested: [{ pin: 4711 }] });
        });
        app.get('/fails', () => {
          throw new Error('no Bearer s3cret-s3cret for https://ada:s3cret@db/?token=s3cret');
        });
        app.use(((error, _req, res, _next) => {
          res.locals['seen'] = error;
          res.status(500).send(String(error));
        }) as express.ErrorRequestHandler);
      },
    });
    await fetch(
      `${url}/login?token=s3cret&page=2`,
      post(
        { user: 'ada', password: 's3cret' },
        { authorization: 'Bearer s3cret-s3cret', cookie: 'a=s3cret', 'x-api-key': 's3cret' },
      ),
    );
    const kept = await newest(1);
    expect(JSON.stringify(kept)).not.toMatch(/s3cret|c00kie|4711/);
    expect(kept.url).toBe('/login?token=[redacted]&page=2');
    expect(kept.request.secretHeaders.toSorted()).toEqual(['authorization', 'cookie', 'x-api-key']);
    expect(JSON.parse(kept.request.body!.text)).toEqual({ user: 'ada', password: '[redacted]' });
    expect(JSON.parse(kept.answer.body!.text)).toEqual({
      user: 'ada',
      access_token: '[redacted]',
      nested: [{ pin: '[redacted]' }],
    });
    await fetch(`${url}/fails`);
    expect(JSON.stringify(await newest(2))).not.toContain('s3cret');
    expect(JSON.stringify(await api('/exchanges'))).not.toContain('s3cret');
  });

  it('holds the beginning of a long body, secrets in what was cut included', async () => {
    const { url, newest } = await startTools({
      options: { maxBodyBytes: 64 },
      routes: (app) =>
        app.get('/long', (_req, res) => {
          res.json({ password: 's3cret', rest: 'x'.repeat(1000) });
        }),
    });
    await fetch(`${url}/long`);
    const { body } = (await newest(1)).answer;
    expect(body).toMatchObject({ bytes: 1031, truncated: true, redacted: true });
    expect(body!.text).toContain('"password":"[redacted]"');
  });

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
  ])(
    'is what an answer says, and no secret of it, where its handler has coded it: %s',
    async (coding, code) => {
      const { url, newest } = await startTools({
        routes: (app) =>
          app.get('/', (_req, res) => {
            res.set('Content-Encoding', coding).type('json');
            res.end(code(JSON.stringify({ password: 's3cret', name: 'Ada' })));
          }),
      });
      await fetch(url);
      expect((await newest(1)).answer.body).toMatchObject({
        text: '{"password":"[redacted]","name":"Ada"}',
        bytes: 34,
        truncated: false,
      });
    },
  );

  it('is nothing of a coded body that nobody can read, and the beginning of a long one', async () => {
    const { url, app, newest } = await startTools({
      options: { maxBodyBytes: 1000 },
      routes: () => undefined,
    });
    app.get('/:coding/:bytes', ({ params }, res) => {
      res.set('Content-Encoding', params.coding).type('text');
      res.end(gzipSync(randomBytes(Number(params.bytes)).toString('hex')));
    });
    const bodyOf = async (path: string, count: number) => {
      await (await fetch(url + path)).arrayBuffer().catch(() => undefined);
      return (await newest(count)).answer.body!;
    };
    expect(await bodyOf('/secret/100', 1)).toMatchObject({ text: '', truncated: true });
    expect((await bodyOf('/gzip/700', 2)).text).toHaveLength(1000);
    const cut = await bodyOf('/gzip/5000', 3);
    expect(cut).toMatchObject({ truncated: true, text: expect.stringMatching(/^[\da-f]{900,}$/) });
    app.get('/stored', (_req, res) => {
      const coded = gzipSync('x'.repeat(2000), { level: 0 });
      res.set('Content-Encoding', 'gzip').type('text').end(coded);
    });
    const stored = await bodyOf('/stored', 4);
    expect(stored).toMatchObject({ truncated: true, text: expect.stringMatching(/^x{900,999}$/) });
    // A thousand times as long as it came.
    app.get('/bomb', (_req, res) => {
      res
        .set('Content-Encoding', 'gzip')
        .type('text')
        .end(gzipSync('0'.repeat(1e7)));
    });
    expect(await bodyOf('/bomb', 5)).toMatchObject({ text: '0'.repeat(1000), truncated: true });
  });

  it('shows what is no text in base64', async () => {
    const { url, newest } = await startTools({
      routes: (app) => app.get('/', (_req, res) => void res.type('png').send(Buffer.of(137, 80))),
    });
    await fetch(url);
    expect((await newest(1)).answer.body).toMatchObject({ encoding: 'base64', text: 'iVA=' });
  });

  it('is bounded by number and by size, and the oldest go first', async () => {
    const { url, newest, api, parts } = await startTools({
      options: { maxExchanges: 2, maxKeptBytes: 5000 },
      routes: (app) =>
        app.get('/:n', (req, res) => void res.send('x'.repeat(Number(req.params.n)))),
    });
    for (const n of [1, 2, 3]) await fetch(`${url}/${n}`);
    await newest(3);
    const list = async (): Promise<string[]> =>
      ((await api('/exchanges')) as ExchangeList).exchanges.map((one) => one.url);
    expect(await list()).toEqual(['/3', '/2']);
    await fetch(`${url}/4000`);
    await fetch(`${url}/4001`);
    while ((parts[0]!.stats!() as { seenTotal: number }).seenTotal < 5)
      await fetch(`${url}/devtools`);
    expect(await list()).toEqual([]);
    expect(parts[0]!.stats!()).toMatchObject({ kept: 0, keptBytes: 0, droppedTotal: 5 });
  });

  it('leaves its own routes out, and can be cleared', async () => {
    const { url, api, newest } = await startTools({
      whole: [],
      routes: (app) => app.get('/', (_req, res) => void res.send('fine')),
    });
    await api('/routes');
    await fetch(url);
    await newest(1);
    expect((await api('/exchanges')).exchanges).toHaveLength(1);
    await api('/exchanges', { method: 'DELETE' });
    expect((await api('/exchanges')).exchanges).toEqual([]);
    expect(await api('/exchanges/1')).toMatchObject({ status: 404, code: 'ERR_NOT_FOUND' });
  });
});

describe('the waterfall', () => {
  it('tells the time of every middleware with its phase, of the handler and of the way out', async () => {
    const { url, clock, newest } = await startTools({
      whole: [
        defineMiddleware({ name: 'guard', phase: 'protect', step: () => clock.advance(5) }),
        defineMiddleware({ name: 'slow', phase: 'read', step: () => clock.advance(20) }),
      ],
      routes: (app) =>
        app.get('/', (_req, res) => {
          clock.advance(100);
          res.send('fine');
        }),
    });
    await fetch(url);
    const { spans, durationMs } = await newest(1);
    expect(durationMs).toBe(125);
    expect(spans.filter(({ selfMs }) => selfMs > 0)).toEqual([
      { name: 'guard', phase: 'protect', startMs: 0, selfMs: 5 },
      { name: 'slow', phase: 'read', startMs: 5, selfMs: 20 },
      { name: 'handler', startMs: 25, selfMs: 100 },
    ]);
    expect(spans.map(({ name }) => name)).toContain('devtools:inspect');
  });

  it('shows what a protection refused', async () => {
    const { url, newest } = await startTools({
      whole: [
        defineMiddleware({
          name: 'guard',
          phase: 'protect',
          step({ res }) {
            res.status(403).send('no');
            return HANDLED;
          },
        }),
      ],
      routes: () => undefined,
    });
    await fetch(url);
    expect(await newest(1)).toMatchObject({ status: 403, answer: { body: { text: 'no' } } });
  });

  it('keeps the error that was answered for', async () => {
    const { url, newest } = await startTools({
      whole: [],
      routes: (app) =>
        app.get('/', () => {
          let cause = new Error('too far away');
          for (let depth = 0; depth < 3; depth++) cause = new Error('nobody delivered', { cause });
          throw Object.assign(new Error('the shelf is empty', { cause }), { code: 'ERR_SHELF' });
        }),
    });
    expect((await fetch(url)).status).toBe(500);
    const { error } = await newest(1);
    expect(error).toMatchObject({
      message: 'the shelf is empty',
      code: 'ERR_SHELF',
      cause: { message: 'nobody delivered' },
    });
    expect(JSON.stringify(error).match(/"message"/g)).toHaveLength(4);
    expect(error!.stack).toContain('inspector.test');
  });
});

describe('the tools', () => {
  it.each(['production', 'Production', ' prod '])(
    'are refused where NODE_ENV is "%s", and say why',
    (environment) => {
      const { NODE_ENV } = process.env;
      process.env['NODE_ENV'] = environment;
      try {
        expect(() => devtools()).toThrow(
          new RegExp(`NODE_ENV is "${environment}".*allowInProduction: true`),
        );
        expect(devtools({ allowInProduction: true })).toHaveLength(4);
      } finally {
        process.env['NODE_ENV'] = NODE_ENV;
      }
    },
  );

  it('are closed to strangers, and to pages of other sites', async () => {
    const { url } = await startTools({
      options: { access: 'a-token-of-16-chars' },
      routes: () => undefined,
    });
    const ask = async (path: string, headers: Record<string, string>, method = 'GET') =>
      (await fetch(`${url}/devtools${path}`, { method, headers })).status;
    const stranger = { 'x-forwarded-for': '203.0.113.9' };
    for (const path of ['', '/page/main.js', '/api/exchanges', '/api/events', '/api/routes']) {
      expect(await ask(path, stranger)).toBe(403);
    }
    expect(
      await ask('/api/exchanges', { ...stranger, authorization: 'Bearer a-token-of-16-chars' }),
    ).toBe(200);
    expect(await ask('/api/replay', { 'sec-fetch-site': 'cross-site' }, 'POST')).toBe(403);
    expect(await ask('/api/events', { 'sec-fetch-site': 'cross-site' })).toBe(403);
  });

  it('say what is wrong in a problem document, whatever the app makes of errors', async () => {
    const { url } = await startTools({
      routes: (app) =>
        app.use(((_error, _req, res, _next) => {
          res.status(500).send('broken');
        }) as express.ErrorRequestHandler),
    });
    for (const [path, method, headers, status, code] of [
      ['/exchanges/7', 'GET', {}, 404, 'ERR_NOT_FOUND'],
      ['/exchanges/7/replay', 'POST', {}, 404, 'ERR_NOT_FOUND'],
      ['/faults', 'PUT', {}, 400, 'ERR_DEVTOOLS_CALL'],
      ['/replay', 'GET', {}, 405, 'ERR_METHOD_NOT_ALLOWED'],
      ['/routes', 'GET', { 'x-real-ip': '203.0.113.9' }, 403, 'ERR_MONITORING_CLOSED'],
    ] as const) {
      const answer = await fetch(`${url}/devtools/api${path}`, { method, headers });
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(await answer.json()).toMatchObject({ status, code });
    }
  });

  it('let requests pass untouched once they are closed', async () => {
    const { url, parts } = await startTools({
      options: { faults: [{ fault: { status: 503 } }], mocks: { '/mocked': { type: 'null' } } },
      routes: (app) => app.get('/', (_req, res) => void res.send('fine')),
    });
    expect((await fetch(url)).status).toBe(503);
    for (const part of parts) await part.close?.();
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(`${url}/devtools`)).status).toBe(404);
    expect((await fetch(`${url}/mocked`)).status).toBe(404);
  });

  it('list the routes with their methods, hits and last status', async () => {
    const { url, api, newest } = await startTools({
      options: { mocks: { 'GET /hotels/:id': { type: 'object' }, '/any': {} } },
      routes: (app) => {
        const router = express.Router();
        router.get('/:id', (_req, res) => void res.send('one'));
        app.use('/places', router);
        app.all('/any', (_req, res) => void res.send('any'));
      },
    });
    await fetch(`${url}/places/1`);
    await fetch(`${url}/places/2`, { method: 'HEAD' });
    await fetch(`${url}/places/2`);
    await fetch(`${url}/hotels/2`, { method: 'HEAD' });
    await newest(4);
    const listed = { listed: true, mocked: false };
    expect((await api('/routes')).routes).toEqual([
      { ...listed, methods: ['GET', 'HEAD'], route: '/places/:id', hits: 3, lastStatus: 200 },
      { ...listed, methods: ['*'], route: '/any', hits: 0 },
      {
        listed: true,
        mocked: true,
        methods: ['GET', 'HEAD'],
        route: '/hotels/:id',
        hits: 1,
        lastStatus: 200,
      },
    ]);
  });

  it('list what was seen of apps that are mounted in the app, too', async () => {
    const { url, api, newest } = await startTools({
      routes: (app) => {
        const inner = express();
        inner.get('/:id', (_req, res) => void res.status(202).send('one'));
        app.use('/inner', inner);
      },
    });
    await fetch(`${url}/inner/1`);
    await fetch(`${url}/inner/1`, { method: 'HEAD' });
    await newest(2);
    expect((await api('/routes')).routes).toEqual([
      {
        methods: ['GET', 'HEAD'],
        route: '/inner/:id',
        listed: false,
        mocked: false,
        hits: 2,
        lastStatus: 202,
      },
    ]);
  });

  it('list the routes of the mounted app that they are in from the root', async () => {
    const { url, app, newest } = await startTools({ routes: () => undefined });
    await fetch(url);
    await newest(1);
    const inner = express().use(devtools());
    inner.get('/:id', (_req, res) => void res.send('one'));
    app.use('/inner', inner);
    await fetch(`${url}/inner/1`);
    expect(await (await fetch(`${url}/inner/devtools/api/routes`)).json()).toMatchObject({
      routes: [{ route: '/inner/:id', hits: 1 }],
    });
  });
});

describe('hiding secrets', () => {
  const redaction = new Redaction(['*pin']);

  it.each<[string, string]>([
    ['/a?token=1&b=2#id_token=3', '/a?token=[redacted]&b=2#id_token=[redacted]'],
    ['/a?api%5Fkey=1', '/a?api%5Fkey=[redacted]'],
    ['/a?cardPin=1', '/a?cardPin=[redacted]'],
    ['/a?%E0%A4%A=1&pwd=2', '/a?%E0%A4%A=1&pwd=[redacted]'],
    ['/a;session_id=7/b', '/a;session_id=[redacted]'],
    ['/plain/token', '/plain/token'],
    ['/a?X-Amz-Signature=1&sig=2&b=3', '/a?X-Amz-Signature=[redacted]&sig=[redacted]&b=3'],
    ['postgres://ada:pa55@db/x', 'postgres://[redacted]@db/x'],
    ['https://host:8080/x@y', 'https://host:8080/x@y'],
    [`key sk_live_${'x'.repeat(24)}.`, 'key [redacted].'],
    [`ghp_${'x'.repeat(36)}`, '[redacted]'],
    [`AKIA${'X'.repeat(16)} AKIAX`, '[redacted] AKIAX'],
    ['-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END', '[redacted]'],
  ])('in the text %s', (address, clean) => {
    expect(redaction.text(address)).toBe(clean);
  });

  it.each<[string, string, string]>([
    [
      'application/json',
      '{"next":"/a?token=1","key":"-----BEGIN PRIVATE KEY-----\\nMII"}',
      '{"next":"/a?token=[redacted]","key":"[redacted]"}',
    ],
    [
      'application/x-ndjson',
      '{"tokens":1,"token":["1","2"]}\n{"a":1}\n{"pwd":"x',
      '{"tokens":1,"token":"[redacted]"}\n{"a":1}\n{"pwd":"[redacted]"',
    ],
    [
      'application/xml',
      '<a><ns:password type="x">1 2</ns:password><b>3</b></a>',
      '<a><ns:password type="x">[redacted]</ns:password><b>3</b></a>',
    ],
    ['text/plain', 'password=abc', 'password=[redacted]'],
    [
      'application/x-www-form-urlencoded',
      'pass=1&assertion=eyJhbGciOiJ9.eyJzdWIi.c2ln',
      'pass=[redacted]&assertion=[redacted]',
    ],
  ])('in a body of %s', (mediaType, body, value) => {
    expect(redaction.body(body, mediaType)).toEqual({ value, hidden: true });
  });

  it('takes the time that it takes to read the text, whatever is in it', () => {
    // Quadratic, each of these would take minutes.
    const parts = ['a', '=', '"a', 'eyJ', '<a', '<a>', '://', '-----BEGIN A', 'sk_', '\n'];
    for (const part of parts) {
      const text = part.repeat(1e6 / part.length);
      for (const type of [
        'application/x-www-form-urlencoded',
        'application/x-ndjson',
        'text/plain',
      ]) {
        expect(redaction.body(text, type)).toEqual({ value: text, hidden: false });
      }
    }
  });

  it('hides what is too deep to be looked at', () => {
    const deep = `${'['.repeat(5000)}"x"${']'.repeat(5000)}`;
    const { value, hidden } = redaction.body(deep, 'application/json');
    expect({ hidden, length: value.length < 200 }).toEqual({ hidden: true, length: true });
  });
});
