/** Answers that need no handler, through a real server. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Given } from '@org/core';
import { serve } from '@org/core/testing';
import { errors } from '@org/errors';
import { setup } from '@org/setup';
import {
  conditional,
  type EarlyAnswer,
  earlyReturn,
  type EarlyReturnOptions,
} from '@org/early-return';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';

interface Server {
  readonly url: string;
  readonly port: number;
  readonly made: ReturnType<typeof earlyReturn>;
  /** Requests that reached a handler. */
  readonly reached: string[];
}

/** Serves some routes behind early answers. */
async function served(
  options: Given<EarlyReturnOptions>,
  use: (server: Server) => Promise<void>,
  routes: (app: Express) => void = () => undefined,
): Promise<void> {
  const made = earlyReturn(options);
  const reached: string[] = [];
  const app = express();
  app.use(made);
  app.use((req, _res, next) => {
    reached.push(`${req.method} ${req.url}`);
    next();
  });
  routes(app);
  app.get('/cities/:id', (_req, res) => void res.json({ name: 'Athens' }));
  app.post('/cities', (_req, res) => void res.status(201).end());
  app.put('/cities/:id', (_req, res) => void res.json({ changed: true }));
  app.use(
    (error: Error & { status?: number }, _req: Request, res: Response, _next: NextFunction) =>
      void res.status(error.status ?? 500).json({ code: (error as { code?: string }).code }),
  );
  const { url, port, close } = await serve(app);
  try {
    await use({ url, port, made, reached });
  } finally {
    await close();
  }
}

/** Sends requests in one piece over one connection, and gives the status lines that come back. */
async function overOneConnection(port: number, text: string, answers: number): Promise<string[]> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  let got = '';
  for await (const chunk of socket) {
    got += String(chunk);
    if ((got.match(/HTTP\/1\.1 \d+/g) ?? []).length >= answers) break;
  }
  socket.destroy();
  return got.match(/HTTP\/1\.1 \d+/g) ?? [];
}

describe('rules', () => {
  test('answer with the bytes that were made at construction, and HEAD like GET', async () => {
    await served(
      {
        rules: [
          { path: '/hello', body: { hello: 'world' } },
          {
            path: '/moved',
            methods: ['GET', 'POST'],
            status: 308,
            headers: { Location: '/cities/1' },
          },
          { path: '/files/:name.txt', body: 'text', headers: { 'Content-Type': 'text/plain' } },
        ],
      },
      async ({ url, reached }) => {
        const hello = await fetch(`${url}/hello?q=1`);
        expect(await hello.json()).toEqual({ hello: 'world' });
        expect(hello.headers.get('content-type')).toBe('application/json; charset=utf-8');
        const head = await fetch(`${url}/hello`, { method: 'HEAD' });
        expect(head.headers.get('content-length')).toBe('17');
        const moved = await fetch(`${url}/moved`, { method: 'POST', redirect: 'manual' });
        expect([moved.status, moved.headers.get('location')]).toEqual([308, '/cities/1']);
        expect(await (await fetch(`${url}/files/a.txt`)).text()).toBe('text');
        expect(reached).toEqual([]);
        expect((await fetch(`${url}/hello`, { method: 'POST' })).status).toBe(404);
      },
    );
  });

  test('hold only when they say so', async () => {
    await served(
      {
        rules: [
          { path: '/cities/1', status: 503, when: (req) => req.get('x-maintenance') === '1' },
        ],
      },
      async ({ url }) => {
        expect((await fetch(`${url}/cities/1`)).status).toBe(200);
        expect((await fetch(`${url}/cities/1`, { headers: { 'x-maintenance': '1' } })).status).toBe(
          503,
        );
      },
    );
  });

  test('are there for pings, favicon and robots', async () => {
    await served({ pings: ['/ping'], favicon: true, robots: 'deny' }, async ({ url, made }) => {
      const ping = await fetch(`${url}/ping`);
      expect([ping.status, ping.headers.get('cache-control')]).toEqual([204, 'no-store']);
      expect((await fetch(`${url}/favicon.ico`)).status).toBe(204);
      expect(await (await fetch(`${url}/robots.txt`)).text()).toBe('User-agent: *\nDisallow: /\n');
      expect(made[0]!.stats?.()).toEqual({ answeredTotal: { rule: 3 } });
    });
  });

  test('are none without options: nothing that the app has is hidden', async () => {
    await served(
      {},
      async ({ url }) => {
        for (const path of ['/favicon.ico', '/robots.txt', '/ping']) {
          expect(await (await fetch(url + path)).text()).toBe('mine');
        }
      },
      (app) =>
        app.get(['/favicon.ico', '/robots.txt', '/ping'], (_req, res) => void res.send('mine')),
    );
  });
});

describe('OPTIONS', () => {
  test('tells the methods that the routes of an address take (RFC 9110 §9.3.7)', async () => {
    await served({}, async ({ url, reached }) => {
      const answer = await fetch(`${url}/cities/1`, { method: 'OPTIONS' });
      expect([answer.status, answer.headers.get('allow')]).toEqual([
        204,
        'GET, HEAD, PUT, OPTIONS',
      ]);
      expect(reached).toEqual([]);
    });
  });

  test.each<[string, string, Record<string, string>]>([
    [
      'a preflight of CORS',
      '/cities/1',
      { origin: 'https://a.test', 'access-control-request-method': 'PUT' },
    ],
    ['an address without a route', '/nowhere', {}],
    ['a route that takes it itself', '/own', {}],
  ])('of %s goes on', async (_name, path, headers) => {
    await served(
      {},
      async ({ url, reached }) => {
        await fetch(url + path, { method: 'OPTIONS', headers });
        expect(reached).toEqual([`OPTIONS ${path}`]);
      },
      (app) => app.options('/own', (_req, res) => void res.set('Allow', 'mine').end()),
    );
  });

  test('of the server as a whole is answered', async () => {
    await served({}, async ({ port }) => {
      const socket = connect(port, '127.0.0.1');
      socket.write('OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      let text = '';
      for await (const chunk of socket) text += String(chunk);
      expect(text).toMatch(/^HTTP\/1\.1 204/);
      expect(text).toContain('Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS');
    });
  });
});

describe('refusals', () => {
  const JSON_ONLY: Given<EarlyReturnOptions> = {
    contentTypes: ['application/json'],
    maxBodyBytes: 1000,
    routes: { '/cities': { contentTypes: ['text/*'], maxBodyBytes: 10 } },
  };

  test.each<[string, Given<EarlyReturnOptions>, string, RequestInit, number, string]>([
    [
      'a method that is not served',
      { methods: ['GET', 'POST'] },
      '/cities/1',
      { method: 'PUT' },
      501,
      'ERR_METHOD_NOT_IMPLEMENTED',
    ],
    [
      'an address that is too long',
      { maxUrlLength: 20 },
      `/cities/${'1'.repeat(30)}`,
      {},
      414,
      'ERR_URL_TOO_LONG',
    ],
    [
      'too many headers',
      { maxHeaderCount: 3 },
      '/cities/1',
      { headers: { a: '1', b: '2' } },
      431,
      'ERR_TOO_MANY_HEADERS',
    ],
    [
      'headers that are too large',
      { maxHeaderBytes: 300 },
      '/cities/1',
      { headers: { a: 'x'.repeat(300) } },
      431,
      'ERR_HEADERS_TOO_LARGE',
    ],
    [
      'a body of another type',
      JSON_ONLY,
      '/cities/1',
      { method: 'PUT', body: 'a=1', headers: { 'content-type': 'text/plain' } },
      415,
      'ERR_CONTENT_TYPE',
    ],
    [
      'a body that says it is too long',
      JSON_ONLY,
      '/cities',
      { method: 'POST', body: 'x'.repeat(11), headers: { 'content-type': 'text/plain' } },
      413,
      'ERR_BODY_TOO_LARGE',
    ],
    ['an address that no route has', { refuseUnknown: true }, '/nowhere', {}, 404, 'ERR_NOT_FOUND'],
  ])('are for %s', async (_name, options, path, init, status, code) => {
    await served(options, async ({ url, reached }) => {
      const answer = await fetch(url + path, init);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect(await answer.json()).toMatchObject({ status, code });
      expect(reached).toEqual([]);
    });
  });

  test('say what would be taken instead (RFC 9110 §12.5.1, RFC 5789 §3.1)', async () => {
    await served(JSON_ONLY, async ({ url }) => {
      const { headers } = await fetch(`${url}/cities/1`, { method: 'PUT', body: 'a' });
      expect([headers.get('accept'), headers.get('accept-patch')]).toEqual(
        Array(2).fill('application/json'),
      );
      expect(
        (
          await fetch(`${url}/cities`, {
            method: 'POST',
            body: 'text',
            headers: { 'content-type': 'text/csv' },
          })
        ).status,
      ).toBe(201);
    });
  });

  test('leave the connection in order: the next request on it is answered', async () => {
    await served({ ...JSON_ONLY, maxUrlLength: 50 }, async ({ port }) => {
      const long = `GET /${'x'.repeat(60)} HTTP/1.1\r\nHost: a\r\n\r\n`;
      const typed =
        'PUT /cities/1 HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Length: 5\r\n\r\nhello';
      const fine = 'GET /cities/1 HTTP/1.1\r\nHost: a\r\n\r\n';
      expect(await overOneConnection(port, long + typed + fine, 3)).toEqual([
        'HTTP/1.1 414',
        'HTTP/1.1 415',
        'HTTP/1.1 200',
      ]);
    });
  });

  test('of a body that is long, or of no stated length, end the connection', async () => {
    await served(JSON_ONLY, async ({ port }) => {
      for (const length of ['Content-Length: 10000000', 'Transfer-Encoding: chunked']) {
        const socket = connect(port, '127.0.0.1');
        socket.write(`PUT /cities/1 HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\n${length}\r\n\r\n`);
        let text = '';
        socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
        await once(socket, 'close');
        expect(text).toMatch(/^HTTP\/1\.1 41[35]/);
        expect(text).toContain('Connection: close');
      }
    });
  });

  test('know routes that are added later, and leave apps alone that have no list', async () => {
    const app = express();
    app.use(earlyReturn({ refuseUnknown: true }));
    app.get('/later', (_req, res) => void res.send('there'));
    const { url, close } = await serve(app);
    expect(await (await fetch(`${url}/later`)).text()).toBe('there');
    await close();
  });
});

describe('security headers', () => {
  test('of helmet stand on early answers as on late ones', async () => {
    const secure = helmet();
    const app = express();
    app.use(earlyReturn({ pings: ['/ping'], headers: {}, secure }), secure);
    app.get('/late', (_req, res) => void res.send('late'));
    const { url, close } = await serve(app);
    const names = [
      'content-security-policy',
      'strict-transport-security',
      'x-frame-options',
      'referrer-policy',
    ];
    const headersOf = async (path: string): Promise<(string | null)[]> => {
      const { headers } = await fetch(url + path);
      return names.map((name) => headers.get(name));
    };
    const late = await headersOf('/late');
    expect(late.every((value) => value !== null)).toBe(true);
    expect(await headersOf('/ping')).toEqual(late);
    await close();
  });
});

describe('conditions, before the handler has run', () => {
  const MODIFIED = new Date('2026-11-01T10:00:00.500Z');
  const validators: EarlyReturnOptions['validators'] = {
    '/cities/:id': {
      etag: (req) => (req.url.endsWith('/none') ? undefined : 'v7'),
      cacheControl: 'max-age=60',
    },
    '/dated': { lastModified: () => Promise.resolve(MODIFIED) },
  };
  const dated = (app: Express): void =>
    void app.get('/dated', (_req, res) => void res.send('dated'));

  test.each<[string, Record<string, string>, number]>([
    ['§13.1.2: the tag that it has', { 'if-none-match': '"v7"' }, 304],
    ['§13.1.2: the tag, compared weakly', { 'if-none-match': 'W/"v7"' }, 304],
    ['§13.1.2: one of several', { 'if-none-match': '"v1", "v7"' }, 304],
    ['§13.1.2: any', { 'if-none-match': '*' }, 304],
    ['§13.1.2: another tag', { 'if-none-match': '"v6"' }, 200],
    ['§13.1.1: the state that it knows', { 'if-match': '"v7"' }, 200],
    ['§13.1.1: any state', { 'if-match': '*' }, 200],
    ['§13.1.1: another state', { 'if-match': '"v6"' }, 412],
    ['§8.8.3.2: a weak tag never matches strongly', { 'if-match': 'W/"v7"' }, 412],
    [
      '§13.2.2: If-Match before If-None-Match',
      { 'if-match': '"v6"', 'if-none-match': '"v7"' },
      412,
    ],
    ['no condition', {}, 200],
  ])('GET with %s', async (_name, headers, status) => {
    await served({ validators }, async ({ url, reached }) => {
      const answer = await fetch(`${url}/cities/1`, { headers });
      expect(answer.status).toBe(status);
      expect(answer.headers.get('etag') === '"v7"').toBe(status !== 412);
      expect(answer.headers.get('cache-control')).toBe(status === 304 ? 'max-age=60' : null);
      // Mounted by app.use, what stands between them is reached by what goes on.
      expect(reached).toHaveLength(status === 200 ? 1 : 0);
    });
  });

  test('a change to another state is refused, so that no update is lost', async () => {
    await served({ validators }, async ({ url, made }) => {
      const put = (headers: Record<string, string>): Promise<globalThis.Response> =>
        fetch(`${url}/cities/1`, { method: 'PUT', headers });
      const refused = await put({ 'if-match': '"v6"' });
      expect([refused.status, await refused.json()]).toEqual([
        412,
        { code: 'ERR_PRECONDITION_FAILED' },
      ]);
      expect((await put({ 'if-match': '"v7"' })).status).toBe(200);
      // §13.1.2: only if there is none yet.
      expect((await put({ 'if-none-match': '*' })).status).toBe(412);
      expect(made[1]!.stats?.()).toEqual({ notModifiedTotal: 0, preconditionFailedTotal: 2 });
    });
  });

  test.each<[Record<string, string>, number]>([
    [{ 'if-modified-since': 'Sun, 01 Nov 2026 10:00:00 GMT' }, 304],
    [{ 'if-modified-since': 'Sun, 01 Nov 2026 09:59:59 GMT' }, 200],
    [{ 'if-modified-since': 'yesterday' }, 200],
    [{ 'if-unmodified-since': 'Sun, 01 Nov 2026 10:00:00 GMT' }, 200],
    [{ 'if-unmodified-since': 'Sun, 01 Nov 2026 09:59:59 GMT' }, 412],
  ])('dates are compared by the second (§13.1.3, §13.1.4): %j', async (headers, status) => {
    await served(
      { validators },
      async ({ url }) => {
        const answer = await fetch(`${url}/dated`, { headers });
        expect(answer.status).toBe(status);
        expect(answer.headers.get('last-modified')).toBe(
          status === 412 ? null : 'Sun, 01 Nov 2026 10:00:00 GMT',
        );
      },
      dated,
    );
  });

  test("what a validator does not know is the handler's, and what it throws the error handlers'", async () => {
    const failing = conditional({
      validators: { '/fails': { etag: () => Promise.reject(new Error('deliberate')) } },
    });
    await served(
      { validators },
      async ({ url }) => {
        const unknown = await fetch(`${url}/cities/none`, { headers: { 'if-none-match': '"v7"' } });
        expect([unknown.status, unknown.headers.get('etag')?.startsWith('W/')]).toEqual([
          200,
          true,
        ]);
        expect((await fetch(`${url}/fails`)).status).toBe(500);
      },
      (app) => app.use(failing),
    );
  });

  test('under setup a 404 does not keep the tag of what is not there', async () => {
    const app = express();
    const stack = setup(app, [
      earlyReturn({ validators: { '/gone': { etag: () => 'v1' } } }),
      errors(),
    ]);
    const server = await stack.listen(0, '127.0.0.1');
    const { port } = server.address() as { port: number };
    const answer = await fetch(`http://127.0.0.1:${port}/gone`, {
      headers: { connection: 'close' },
    });
    expect([answer.status, answer.headers.get('etag')]).toEqual([404, null]);
    await stack.close();
  });
});

test('those who listen hear of what observers further down do not see', async () => {
  const heard: [string, number][] = [];
  const onAnswer = ({ reason, status }: EarlyAnswer): void => void heard.push([reason, status]);
  await served({ pings: ['/ping'], maxUrlLength: 10, onAnswer }, async ({ url }) => {
    await fetch(`${url}/ping`);
    await fetch(`${url}/${'x'.repeat(20)}`);
    expect(heard).toEqual([
      ['rule', 204],
      ['url-length', 414],
    ]);
  });
});

test.each<[unknown, RegExp]>([
  [{ rules: [{ status: 200 }] }, /rules\[0\]: needs a "path"/],
  [
    { rules: [{ path: '/a', stauts: 200 }] },
    /rules\[0\]: option "stauts" is unknown; did you mean "status"/,
  ],
  [{ rules: [{ path: '/a/*' }] }, /no path pattern of Express/],
  [{ routes: { '/a': { maxBodyBytes: -1 } } }, /route "\/a": option "maxBodyBytes" must be/],
  [{ validators: { '/a': {} } }, /"validators" must be an object of validators/],
  [{ contentTypes: ['json'] }, /a media type such as/],
])('options that are wrong are refused by name: %j', (options, message) => {
  expect(() => earlyReturn(options as never)).toThrow(message);
});
