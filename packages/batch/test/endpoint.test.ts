import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import express, {
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import * as fc from 'fast-check';
import {
  answerProblem,
  defineMiddleware,
  defineStages,
  exchangeOf,
  monitoringGuard,
  type ProblemError,
} from '@org/core';
import { serve, type Served } from '@org/core/testing';
import { setup } from '@org/setup';
import { batchEndpoint, type BatchEndpointOptions } from '@org/batch';
import { addressCheck } from '../src/item-address.ts';
import { memberOf } from '../src/references.ts';
import { runInOrder } from '../src/run-in-order.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Told {
  readonly id: string;
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: unknown;
  readonly bodyEncoding?: string;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly responses: readonly Told[];
  readonly problem: {
    readonly code: string;
    readonly detail: string;
    readonly errors: readonly { readonly pointer: string; readonly detail: string }[];
  };
}

/** Routes that tell what reached them. */
function routes(app: Express): void {
  app.use(express.json());
  app.get('/api/echo', (req, res) => {
    const { internal } = exchangeOf(req, res);
    res.json({
      ip: req.ip,
      protocol: req.protocol,
      headers: req.headers,
      query: req.query,
      internal,
    });
  });
  app.post('/api/echo', (req, res) => {
    res.status(201).json({ body: req.body as unknown, type: req.get('content-type') });
  });
  app.put('/api/text', express.text(), (req, res) => void res.send(req.body));
  app.get('/api/places/:id', (req, res) => void res.json({ id: req.params.id }));
  app.delete('/api/places/:id', (_req, res) => void res.status(204).end());
  app.get('/api/refused', (_req, res) => void res.status(403).json({ no: true }));
  app.get('/api/bytes', (_req, res) => void res.type('image/png').send(Buffer.from([0, 255, 1])));
  app.get('/api/large', (_req, res) => void res.send('x'.repeat(1000)));
  app.get('/api/cookies', (_req, res) => {
    res.cookie('session', 'secret', { httpOnly: true }).cookie('theme', 'dark').json({});
  });
  app.get('/api/tagged', (_req, res) => void res.set('ETag', '"v1"').json({ tagged: true }));
  app.get('/api/number', (_req, res) => {
    res.type('json').send('{"large":12345678901234567890}');
  });
  app.get('/api/nothing', (_req, res) => void res.json(null));
  app.get('/api/cut', (_req, res) => void res.destroy());
  app.get('/outside', (_req, res) => void res.json({ outside: true }));
}

/** Serves the endpoint at `/api/batch` of a bare app. */
async function bare(
  options: Partial<BatchEndpointOptions> = {},
  more: (app: Express) => void = () => undefined,
): Promise<string> {
  const app = express();
  app.set('env', 'test');
  app.use(batchEndpoint({ path: '/api/batch', ...options }));
  more(app);
  routes(app);
  return listen(app);
}

async function listen(app: Express): Promise<string> {
  // Express' own final handler shows nothing of an error but its text, as HTML.
  app.use((error: ProblemError, _req: Request, res: Response, _next: NextFunction) => {
    answerProblem(res, error);
  });
  const served: Served = await serve(app);
  closing.push(() => served.close());
  return served.url;
}

async function send(
  url: string,
  requests: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await fetch(`${url}/api/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ requests }),
  });
  const text = await answer.text();
  const body = JSON.parse(text.startsWith('{') ? text : '{}') as {
    responses: Told[];
  } & Answer['problem'];
  return {
    status: answer.status,
    headers: answer.headers,
    responses: body.responses,
    problem: body,
  };
}

const get = (id: string, url: string, more: object = {}): object => ({
  id,
  method: 'GET',
  url,
  ...more,
});

describe('a batch', () => {
  test('is answered item by item, in the order of its requests', async () => {
    const url = await bare();
    const { status, headers, responses } = await send(url, [
      get('one', '/api/places/1'),
      { id: 'made', method: 'post', url: '/api/echo', body: { a: [1, null] } },
      { id: 'gone', method: 'DELETE', url: '/api/places/1' },
      { id: 'head', method: 'HEAD', url: '/api/places/1' },
      {
        id: 'text',
        method: 'PUT',
        url: '/api/text',
        headers: { 'Content-Type': 'text/plain' },
        body: 'plain',
      },
      get('none', '/api/none'),
    ]);
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(responses).toMatchObject([
      {
        id: 'one',
        status: 200,
        body: { id: '1' },
        headers: { 'content-type': 'application/json; charset=utf-8' },
      },
      { id: 'made', status: 201, body: { body: { a: [1, null] }, type: 'application/json' } },
      { id: 'gone', status: 204 },
      { id: 'head', status: 200 },
      { id: 'text', status: 200, body: 'plain' },
      { id: 'none', status: 404 },
    ]);
    for (const at of [2, 3]) expect(responses[at]).not.toHaveProperty('body');
    for (const one of responses) {
      for (const name of ['content-length', 'connection', 'transfer-encoding']) {
        expect(one.headers).not.toHaveProperty([name]);
      }
    }
  });

  test('tells bodies as they are: numbers of any size, texts, bytes, null and 304', async () => {
    const url = await bare();
    const answer = await fetch(`${url}/api/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        requests: [
          get('number', '/api/number'),
          get('bytes', '/api/bytes'),
          get('null', '/api/nothing'),
          get('same', '/api/tagged', { headers: { 'If-None-Match': '"v1"' } }),
        ],
      }),
    });
    const text = await answer.text();
    expect(text).toContain('"body":{"large":12345678901234567890}');
    expect(Number(answer.headers.get('content-length'))).toBe(Buffer.byteLength(text));
    const { responses } = JSON.parse(text) as { responses: Told[] };
    expect(responses[1]).toMatchObject({ body: 'AP8B', bodyEncoding: 'base64' });
    expect(responses[2]).toMatchObject({ status: 200, body: null });
    expect(responses[3]).toMatchObject({ status: 304, headers: { etag: '"v1"' } });
    expect(responses[3]).not.toHaveProperty('body');
  });

  test('tells no body that a precondition has dropped after it was written', async () => {
    const conditional = defineStages({
      conditional(head) {
        head.status = 412;
        return true;
      },
    });
    const url = await bare({}, (app) => {
      app.get('/api/dropped', (req, res) => {
        exchangeOf(req, res).tap(conditional);
        res.json({ dropped: true });
      });
    });
    const { responses } = await send(url, [get('a', '/api/dropped')]);
    expect(responses[0]).toMatchObject({ status: 412 });
    expect(responses[0]).not.toHaveProperty('body');
  });

  test('answers other methods with 405 and Allow (RFC 9110 §15.5.6), and lets OPTIONS pass', async () => {
    const url = await bare({}, (app) => {
      app.options('/api/batch', (_req, res) => void res.status(204).set('X-Seen', '1').end());
    });
    const refused = await fetch(`${url}/api/batch`);
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
    const options = await fetch(`${url}/api/batch`, { method: 'OPTIONS' });
    expect(options.headers.get('x-seen')).toBe('1');
    expect((await fetch(`${url}/api/batches`)).status).toBe(404);
  });

  test('is read by a parser ahead of it as well, in a sub-router, at a path of its own', async () => {
    const app = express();
    app.use(express.json());
    app.use('/api', express.Router().use(batchEndpoint()));
    app.use('/v2/many', batchEndpoint({ path: '/' }));
    routes(app);
    app.get('/v2/here', (_req, res) => void res.json({ here: true }));
    const url = await listen(app);
    expect((await send(url, [get('a', '/api/places/1')])).responses[0]).toMatchObject({
      status: 200,
    });
    const other = await fetch(`${url}/v2/many`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ requests: [get('a', '/v2/here')] }),
    });
    expect(await other.json()).toMatchObject({ responses: [{ body: { here: true } }] });
  });

  test('goes through everything under setup, each item for itself, ahead of the queue', async () => {
    const seen: [string, boolean, number][] = [];
    const limit = defineMiddleware({
      name: 'rate-limit',
      phase: 'protect',
      step({ req, internal, deadlineMs }) {
        seen.push([req.originalUrl, internal, deadlineMs]);
      },
    });
    const queue = defineMiddleware({
      name: 'queue',
      phase: 'admit',
      priority: 1,
      step: ({ req }) => void seen.push([`queue ${req.originalUrl}`, false, 0]),
    });
    const app = express();
    const stack = setup(app, [queue, limit, batchEndpoint({ path: '/api/batch' })]);
    routes(app);
    const server = await stack.listen(0, '127.0.0.1');
    closing.push(() => stack.close());
    const { port } = server.address() as { port: number };
    const { responses } = await send(`http://127.0.0.1:${port}`, [
      get('a', '/api/places/1'),
      get('b', '/api/none'),
    ]);
    expect(responses).toMatchObject([
      { status: 200 },
      {
        status: 404,
        body: { code: 'ERR_NOT_FOUND' },
        headers: { 'content-type': 'application/problem+json' },
      },
    ]);
    expect(seen.map(([url]) => url).toSorted()).toEqual(
      [
        '/api/batch',
        '/api/none',
        '/api/places/1',
        'queue /api/none',
        'queue /api/places/1',
      ].toSorted(),
    );
    expect(seen.some(([, internal]) => internal)).toBe(false);
    const item = seen.find(([url]) => url === '/api/places/1');
    expect(item?.[2]).toBeLessThan(Number.POSITIVE_INFINITY);
  });
});

describe('what is wrong with a batch', () => {
  test('is told at once, with pointers, and nothing is run', async () => {
    let ran = 0;
    const url = await bare({ maxItems: 10 }, (app) =>
      app.use((_req, _res, next) => (ran++, next())),
    );
    const deep = JSON.parse(`${'['.repeat(70)}1${']'.repeat(70)}`) as unknown;
    const { status, problem } = await send(url, [
      get('a', '/api/echo'),
      { id: 'a', method: 'TRACE', url: 'http://evil.example/', extra: 1 },
      get('b!', '/outside', { body: {} }),
      get('c', '//evil.example', { headers: { Host: 'evil', 'X-Forwarded-For': '127.0.0.1' } }),
      get('d', '/api/../outside', { headers: { accept: 'a\r\nb' } }),
      get('e', '/api/%2e%2e/outside', { dependsOn: ['none', 7] }),
      { id: 'f', method: 'POST', url: '/api/echo', body: deep },
      7,
    ]);
    expect([status, problem.code]).toEqual([400, 'ERR_BATCH_INVALID']);
    const pointers = problem.errors.map(({ pointer }) => pointer);
    expect(pointers).toEqual(
      expect.arrayContaining([
        '#/requests/1/extra',
        '#/requests/1/method',
        '#/requests/1/url',
        '#/requests/1/id',
        '#/requests/2/id',
        '#/requests/2/url',
        '#/requests/2/body',
        '#/requests/3/url',
        '#/requests/3/headers/Host',
        '#/requests/3/headers/X-Forwarded-For',
        '#/requests/4/url',
        '#/requests/4/headers/accept',
        '#/requests/5/url',
        '#/requests/5/dependsOn',
        '#/requests/6/body',
        '#/requests/7',
      ]),
    );
    expect(pointers.some((one) => one.startsWith('#/requests/0'))).toBe(false);
    expect(ran).toBe(0);
  });

  test.each<[string, unknown]>([
    ['no list', undefined],
    ['an empty list', []],
    ['too many', [1, 2, 3].map((id) => get(`r${id}`, '/api/echo'))],
  ])('is %s', async (_what, requests) => {
    const { status, problem } = await send(await bare({ maxItems: 2 }), requests);
    expect([status, problem.errors[0]!.pointer]).toEqual([400, '#/requests']);
  });

  test('is a type, a coding, a size or a text that it cannot have', async () => {
    const url = `${await bare({ maxRequestBytes: 100 })}/api/batch`;
    const json = { 'content-type': 'application/json' };
    const post = async (body: unknown, headers: Record<string, string>): Promise<number> =>
      (await fetch(url, { method: 'POST', body, headers, duplex: 'half' } as RequestInit)).status;
    expect(await post('{}', { 'content-type': 'text/plain' })).toBe(415);
    expect(await post('a=b', { 'content-type': 'application/x-www-form-urlencoded' })).toBe(415);
    expect(await post('{}', { ...json, 'content-encoding': 'gzip' })).toBe(415);
    expect(await post(`"${'x'.repeat(100)}"`, json)).toBe(413);
    // In chunks, which announce no length.
    const chunks = Readable.from(
      ['"', 'x'.repeat(80), 'x'.repeat(80), '"'].map((one) => Buffer.from(one)),
    );
    expect(await post(chunks, json)).toBe(413);
    expect(await post('{', json)).toBe(400);
    // A byte that UTF-8 does not have, in a batch that is fine without.
    const item = '{"requests":[{"id":"a","method":"POST","url":"/api/echo","body":"ÿ"}]}';
    expect(await post(Buffer.from(item, 'utf8'), json)).toBe(200);
    expect(await post(Buffer.from(item, 'latin1'), json)).toBe(400);
    expect(await post('null', json)).toBe(400);
  });

  test('is another batch among its items', async () => {
    const url = await bare();
    const { responses } = await send(
      url,
      [
        { id: 'a', method: 'POST', url: '/API/batch', body: { requests: [get('b', '/api/echo')] } },
        {
          id: 'c',
          method: 'POST',
          url: '/api/batch?x',
          body: { requests: [get('b', '/api/echo')] },
        },
        get('d', '/api/places/1'),
      ].slice(1),
    );
    expect(responses).toMatchObject([
      { id: 'c', status: 400 },
      { id: 'd', status: 200 },
    ]);
  });

  test('is one too many at a time', async () => {
    let release: (() => void) | undefined;
    const url = await bare({ maxBatches: 1 }, (app) => {
      app.get('/api/slow', (_req, res) => {
        release = () => void res.json({});
      });
    });
    const first = send(url, [get('a', '/api/slow')]);
    await until(() => release !== undefined);
    const { status, headers } = await send(url, [get('a', '/api/echo')]);
    expect([status, headers.get('retry-after')]).toEqual([503, '1']);
    release!();
    expect((await first).status).toBe(200);
    expect((await send(url, [get('a', '/api/echo')])).status).toBe(200);
  });
});

describe('an item', () => {
  test('inherits what says who asks, and nothing that belongs to the connection', async () => {
    const url = await bare();
    const { responses } = await send(
      url,
      [get('a', '/api/echo?x=1', { headers: { 'Accept-Language': 'fr', prefer: 'wait=1' } })],
      {
        authorization: 'Bearer ada',
        cookie: 'session=1; theme=2',
        'x-api-key': 'key',
        traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
        origin: 'https://app.example',
        'sec-fetch-site': 'cross-site',
        'accept-language': 'de',
        'accept-encoding': 'gzip',
        'if-none-match': '"outer"',
        'idempotency-key': 'outer',
        'x-internal': 'secret',
      },
    );
    const { headers, query, internal } = responses[0]!.body as Record<
      string,
      Record<string, string>
    >;
    expect(headers).toEqual({
      host: new URL(url).host,
      authorization: 'Bearer ada',
      cookie: 'session=1; theme=2',
      'x-api-key': 'key',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      origin: 'https://app.example',
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'cors',
      'user-agent': expect.any(String),
      'accept-language': 'fr',
      'accept-encoding': 'identity',
      prefer: 'wait=1',
    });
    expect([query, internal]).toEqual([{ x: '1' }, false]);
  });

  test('leaves out what Connection names (RFC 9110 §7.6.1)', async () => {
    const url = await bare();
    const body = JSON.stringify({ requests: [get('a', '/api/echo')] });
    const headers = {
      'content-type': 'application/json',
      'x-api-key': 'hop',
      authorization: 'kept',
      connection: 'X-Api-Key, close',
    };
    const req = request(`${url}/api/batch`, { method: 'POST', headers }).end(body);
    const [answer] = (await once(req, 'response')) as [AsyncIterable<Buffer>];
    let text = '';
    for await (const chunk of answer) text += String(chunk);
    const { responses } = JSON.parse(text) as { responses: { body: { headers: object } }[] };
    expect(responses[0]!.body.headers).toMatchObject({ authorization: 'kept' });
    expect(responses[0]!.body.headers).not.toHaveProperty(['x-api-key']);
  });

  test('comes from where the batch comes from, for trust proxy and for guards of monitoring', async () => {
    const guard = monitoringGuard();
    const inside: RequestHandler = (req, res) => {
      res.json({ ip: req.ip, protocol: req.protocol, host: req.hostname, local: guard(req) });
    };
    const url = await bare({}, (app) => app.get('/api/inside', inside));
    const local = await send(url, [get('a', '/api/inside')]);
    expect(local.responses[0]!.body).toMatchObject({ ip: '127.0.0.1', local: true });
    for (const headers of [
      { 'x-forwarded-for': '203.0.113.9' },
      { forwarded: 'for=203.0.113.9' },
      { 'x-real-ip': '203.0.113.9' },
      { 'x-forwarded-host': 'shop.example' },
      { 'cf-connecting-ip': '203.0.113.9' },
    ] as Record<string, string>[]) {
      const remote = await send(url, [get('a', '/api/inside')], headers);
      expect(remote.responses[0]!.body).toMatchObject({ local: false });
    }
    const trusting = await bare({}, (app) => {
      app.set('trust proxy', true);
      app.get('/api/inside', inside);
    });
    const { responses } = await send(trusting, [get('a', '/api/inside')], {
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'shop.example',
    });
    expect(responses[0]!.body).toEqual({
      ip: '203.0.113.9',
      protocol: 'https',
      host: 'shop.example',
      local: false,
    });
  });

  test('is a stranger’s where the batch came by HTTP/1.0, as old proxies forward', async () => {
    const guard = monitoringGuard();
    const url = await bare({}, (app) => {
      app.get('/api/inside', (req, res) => void res.json({ local: guard(req) }));
    });
    const batch = JSON.stringify({ requests: [get('a', '/api/inside')] });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write(
      `POST /api/batch HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${batch.length}\r\n\r\n${batch}`,
    );
    expect(await textOf(socket)).toContain('"local":false');
  });

  test('from a socket without an address is nobody’s neighbour', async () => {
    const guard = monitoringGuard();
    const url = await bare({}, (app) => {
      app.get('/api/inside', (req, res) => void res.json({ local: guard(req), ip: req.ip }));
    });
    const app = express();
    app.use((req, _res, next) => {
      if (req.path === '/api/batch') {
        Object.defineProperty(req.socket, 'remoteAddress', { value: undefined });
      }
      next();
    });
    app.use(batchEndpoint({ path: '/api/batch' }));
    app.get('/api/inside', (req, res) => void res.json({ local: guard(req), ip: req.ip }));
    const unix = await listen(app);
    const ask = async (to: string) =>
      (await send(to, [get('a', '/api/inside')])).responses[0]!.body;
    expect(await ask(url)).toMatchObject({ local: true });
    expect(await ask(unix)).toEqual({ local: false, ip: '0.0.0.0' });
  });

  test('sets its cookies on the answer of the batch, where no script can read them', async () => {
    const url = await bare();
    const { headers, responses } = await send(url, [
      get('a', '/api/cookies'),
      get('b', '/api/cookies'),
    ]);
    expect(headers.getSetCookie()).toHaveLength(4);
    expect(headers.getSetCookie()[0]).toMatch(/^session=secret;.*HttpOnly/);
    expect(JSON.stringify(responses)).not.toContain('secret');
  });

  test('reaches what lies beside the endpoint and below, or what is listed', async () => {
    const listed = await bare({ paths: ['/outside', '/api/places/:id'], methods: ['GET'] });
    const { responses } = await send(listed, [get('a', '/outside'), get('b', '/api/places/7')]);
    expect(responses).toMatchObject([{ status: 200 }, { status: 200 }]);
    for (const item of [
      get('a', '/api/echo'),
      get('a', '/api/places/7/more'),
      { id: 'a', method: 'POST', url: '/outside' },
    ]) {
      expect((await send(listed, [item])).status).toBe(400);
    }
    expect(() => batchEndpoint({ paths: ['/:'] })).toThrow('which is no path pattern');
  });

  test('that takes too long is a 504, and the others are answered', async () => {
    let cut: unknown;
    const url = await bare({ itemTimeoutMs: 500 }, (app) => {
      app.get('/api/slow', (req, res) => {
        const { signal } = exchangeOf(req, res);
        signal.addEventListener('abort', () => (cut = signal.reason));
      });
    });
    const { responses } = await send(url, [get('a', '/api/slow'), get('b', '/api/places/1')]);
    expect(responses).toMatchObject([
      { status: 504, body: { code: 'ERR_BATCH_TIMEOUT' } },
      { status: 200 },
    ]);
    expect(cut).toBeDefined();
  });

  test('has no more time than the batch', async () => {
    let left = Number.NaN;
    const app = express();
    app.use((req, res, next) => {
      const exchange = exchangeOf(req, res);
      if (req.path === '/api/batch') exchange.deadlineMs = exchange.clock.monotonicMs() + 5000;
      else left = exchange.remainingMs;
      next();
    });
    app.use(batchEndpoint({ path: '/api/batch' }));
    routes(app);
    await send(await listen(app), [get('a', '/api/echo')]);
    expect(left).toBeLessThanOrEqual(5000);
  });

  test('that answers too much, is cut off or has nobody is told as what it is', async () => {
    const url = await bare({ maxResponseBytes: 1500 });
    const { responses } = await send(url, [
      get('a', '/api/large'),
      get('b', '/api/large', { dependsOn: 'a' }),
      get('c', '/api/cut'),
    ]);
    expect(responses).toMatchObject([
      { status: 200 },
      { status: 502, body: { code: 'ERR_BATCH_ANSWER_BYTES' } },
      { status: 502, body: { code: 'ERR_BATCH_CUT' } },
    ]);
  });

  test('ends when the client leaves, and those that wait are not asked for', async () => {
    const asked: string[] = [];
    let aborted = 0;
    const url = await bare({ maxConcurrent: 2 }, (app) => {
      app.get('/api/slow/:id', (req, res) => {
        asked.push(req.params.id);
        exchangeOf(req, res).signal.addEventListener('abort', () => aborted++);
      });
    });
    const client = new AbortController();
    const items = ['a', 'b', 'c'].map((id) => get(id, `/api/slow/${id}`));
    const sent = fetch(`${url}/api/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ requests: items }),
      signal: client.signal,
    }).catch(() => 'gone');
    await until(() => asked.length === 2);
    client.abort();
    expect(await sent).toBe('gone');
    await until(() => aborted === 2);
    await turn();
    expect(asked).toEqual(['a', 'b']);
  });
});

describe('items that depend on each other', () => {
  test('wait, and refer to the answers', async () => {
    const url = await bare();
    const { responses } = await send(url, [
      get('place', '/api/places/{{made.body.body.where.0.id}}?q={{made.body.body.text}}', {
        dependsOn: 'made',
      }),
      {
        id: 'made',
        method: 'POST',
        url: '/api/echo',
        body: { where: [{ id: 'a b/c' }], text: 'ü&=' },
      },
      {
        id: 'again',
        method: 'POST',
        url: '/api/echo',
        dependsOn: ['made', 'place'],
        body: {
          all: '{{made.body.body}}',
          part: 'is {{place.body.id}}!',
          other: '{{name.body.x}}',
          n: 1,
        },
      },
    ]);
    expect(responses).toMatchObject([
      { id: 'place', status: 200, body: { id: 'a b/c' } },
      { id: 'made', status: 201 },
      {
        id: 'again',
        status: 201,
        body: {
          body: {
            all: { where: [{ id: 'a b/c' }], text: 'ü&=' },
            part: 'is a b/c!',
            other: '{{name.body.x}}',
            n: 1,
          },
        },
      },
    ]);
  });

  test('are a 424 where what they depend on failed, or does not say what they need (RFC 4918 §11.4)', async () => {
    const url = await bare();
    const { responses } = await send(url, [
      get('no', '/api/refused'),
      get('after', '/api/places/1', { dependsOn: ['no'] }),
      get('last', '/api/places/1', { dependsOn: ['after'] }),
      get('yes', '/api/places/1'),
      get('missing', '/api/places/{{yes.body.name}}', { dependsOn: ['yes'] }),
      get('inherited', '/api/places/{{yes.body.constructor.name}}', { dependsOn: ['yes'] }),
      get('object', '/api/places/{{yes.body}}', { dependsOn: ['yes'] }),
    ]);
    expect(responses.map(({ status }) => status)).toEqual([403, 424, 424, 200, 424, 424, 424]);
    expect(responses[1]!.body).toMatchObject({
      code: 'ERR_BATCH_DEPENDENCY',
      detail: 'The request "no", which it depends on, failed.',
    });
    expect(responses[4]!.body).toMatchObject({ detail: expect.stringContaining('body.name') });
  });

  test('find own members of what they refer to, and nothing that every object has', () => {
    const body = JSON.parse('{"a":[{"b":null}],"__proto__":{"own":1}}') as unknown;
    expect(memberOf(body, [])).toBe(body);
    expect(memberOf(body, ['a', '0', 'b'])).toBeNull();
    expect(memberOf(body, ['__proto__', 'own'])).toBe(1);
    for (const names of [['constructor'], ['a', '__proto__'], ['a', 'map'], ['a', '0', 'b', 'c']]) {
      expect(memberOf(body, names)).toBeUndefined();
    }
  });

  test('cannot be led astray by what they refer to', async () => {
    const url = await bare({ maxRequestBytes: 400 });
    const made = { id: 'made', method: 'POST', url: '/api/echo' };
    const dependsOn = ['made'];
    const from = async (value: unknown, item: object): Promise<Told> =>
      (
        await send(url, [
          { ...made, body: { value } },
          { id: 'a', dependsOn, ...item },
        ])
      ).responses[1]!;
    const by = (reference: string): object => ({ method: 'GET', url: `/api/places/${reference}` });
    expect(await from('..', by('{{made.body.body.value}}'))).toMatchObject({ status: 424 });
    expect(await from('', by('{{made.body.body.value}}'))).toMatchObject({ status: 424 });
    expect(await from('x?y#z', by('{{made.body.body.value}}'))).toMatchObject({
      body: { id: 'x?y#z' },
    });
    expect(await from('/..//outside', by('{{made.body.body.value}}'))).toMatchObject({
      body: { id: '/..//outside' },
    });
    const header = {
      method: 'GET',
      url: '/api/echo',
      headers: { prefer: '{{made.body.body.value}}' },
    };
    expect(await from('a\r\nx-api-key: b', header)).toMatchObject({ status: 424 });
    const twice = {
      method: 'POST',
      url: '/api/echo',
      body: Array(4).fill('{{made.body.body.value}}'),
    };
    expect(await from('x'.repeat(120), twice)).toMatchObject({ status: 424 });
  });

  test('are refused where they wait in a circle, which is named', async () => {
    const url = await bare();
    const { status, problem } = await send(url, [
      get('a', '/api/echo', { dependsOn: ['c'] }),
      get('b', '/api/echo', { dependsOn: ['a'] }),
      get('c', '/api/echo', { dependsOn: ['b'] }),
    ]);
    expect([status, problem.detail]).toEqual([
      400,
      '#/requests/0/dependsOn must not wait for itself: a → c → b → a.',
    ]);
    const self = await send(url, [get('a', '/api/echo', { dependsOn: ['a'] })]);
    expect(self.problem.detail).toContain('a → a');
  });

  test('must name what they refer to', async () => {
    const url = await bare();
    for (const item of [
      get('b', '/api/places/{{a.body.id}}'),
      get('b', '/api/places/{{none.body.id}}'),
      get('b', '/api/echo', { headers: { prefer: '{{a.body.id}}' } }),
      { id: 'b', method: 'POST', url: '/api/echo', body: { deep: ['{{a.body.id}}'] } },
    ]) {
      const { status, problem } = await send(url, [get('a', '/api/places/1'), item]);
      expect([status, problem.errors[0]!.pointer]).toEqual([400, '#/requests/1/dependsOn']);
    }
  });

  test('run in order, and never more at a time than they may (property)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(20), { maxLength: 3 }), { minLength: 1, maxLength: 15 }),
        fc.integer({ min: 1, max: 4 }),
        async (graph, maxConcurrent) => {
          // Only earlier ones are depended on: no circle.
          const all = graph.map((needs, at) => ({
            id: String(at),
            dependsOn: at === 0 ? [] : [...new Set(needs.map((one) => String(one % at)))],
          }));
          const results = new Map<string, number>();
          let running = 0;
          await runInOrder(all, maxConcurrent, results, async ({ dependsOn }) => {
            expect(++running).toBeLessThanOrEqual(maxConcurrent);
            for (const id of dependsOn) expect(results.has(id)).toBe(true);
            await turn();
            return --running;
          });
          expect(results.size).toBe(all.length);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('the address of an item', () => {
  test('never leaves the folder, however it is written (property)', () => {
    const check = addressCheck(undefined);
    const pieces = fc.constantFrom(
      '/',
      '.',
      '..',
      '%2e',
      '%2E',
      '%2f',
      '\\',
      'api',
      'x',
      '?',
      '#',
      ' ',
      '%00',
      '//',
      '@',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const url = `/${parts.join('')}`;
        if (check(url, '/api/') !== undefined) return;
        const { host, pathname } = new URL(url, 'http://house');
        expect(host).toBe('house');
        expect(pathname.startsWith('/api/')).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('batchEndpoint', () => {
  test('refuses options that it cannot work with', () => {
    expect(() => batchEndpoint({ inheritHeaders: ['Host'] })).toThrow('"inheritHeaders"');
    expect(() => batchEndpoint({ itemHeaders: ['X-Forwarded-For'] })).toThrow('"itemHeaders"');
    expect(() => batchEndpoint({ methods: [] })).toThrow('"methods"');
    expect(() => batchEndpoint({ path: 'batch' })).toThrow('"path"');
    expect(() => batchEndpoint({ maxItem: 1 } as never)).toThrow('did you mean "maxItems"');
  });

  test('counts batches, items and what failed', async () => {
    const endpoint = batchEndpoint({ path: '/api/batch' });
    const app = express().use(endpoint);
    routes(app);
    const url = await listen(app);
    await send(url, [get('a', '/api/echo'), get('b', '/api/refused')]);
    expect(endpoint.stats?.()).toEqual({
      batchesTotal: 1,
      itemsTotal: 2,
      failedItemsTotal: 1,
      refusedTotal: 0,
      active: 0,
    });
  });
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn();
}
