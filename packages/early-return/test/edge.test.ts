/** What is answered at the edge: rules, OPTIONS, refusals; what is not touched; and who hears of it. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import express, { type Express, type RequestHandler, Router } from 'express';
import * as fc from 'fast-check';
import helmet from 'helmet';
import { exchangeOf, OptionError } from '@org/core';
import { serve } from '@org/core/testing';
import {
  EARLY_RETURN_CHANNEL,
  EARLY_RETURN_HEADERS,
  type EarlyRule,
  earlyAnswers,
  earlyReturn,
  type EarlyReturnEvent,
  type EdgeOptions,
} from '@org/early-return';
import { setup } from '@org/setup';

const fine: RequestHandler = (_req, res) => void res.send('fine');

function appWith(
  options: Partial<EdgeOptions>,
  routes: (app: Express) => void = () => {},
): Express {
  const app = express();
  app.use(earlyAnswers(options));
  routes(app);
  return app;
}

async function ask(app: Express, path: string, init?: RequestInit): Promise<Response> {
  const { url, close } = await serve(app);
  try {
    const answer = await fetch(url + path, { redirect: 'manual', ...init });
    return new Response(answer.body === null ? null : await answer.arrayBuffer(), {
      status: answer.status,
      headers: answer.headers,
    });
  } finally {
    await close();
  }
}

describe('rules', () => {
  const rules: readonly EarlyRule[] = [
    { path: '/old', status: 301, headers: { Location: '/new' } },
    { path: '/data', body: { a: 1 } },
    {
      path: '/text',
      method: ['GET', 'POST'],
      body: 'first',
      when: (req) => 'x-first' in req.headers,
    },
    { path: '/text', method: ['GET', 'POST'], body: 'second' },
    { path: '/gone/:id', method: '*', status: 410, body: 'gone' },
    { path: '/exact/:id', body: 'pattern' },
    { path: '/exact/1', body: 'exact' },
    { path: '/nothing', status: 204 },
    { path: '/lines', headers: { Link: ['<a>', '<b>'] }, body: new Uint8Array([1, 2]) },
    {
      path: '/throws',
      when: () => {
        throw new Error('deliberate');
      },
    },
  ];
  const app = (): Express =>
    appWith({ rules }, (made) => {
      made.use(fine);
    });

  test.each([
    ['GET', '/old', 301, ''],
    ['GET', '/old?x=1', 301, ''],
    ['HEAD', '/old', 301, ''],
    ['GET', '/data', 200, '{"a":1}'],
    ['HEAD', '/data', 200, ''],
    ['POST', '/text', 200, 'second'],
    ['DELETE', '/gone/7', 410, 'gone'],
    ['GET', '/GONE/7/', 410, 'gone'],
    ['GET', '/exact/1', 200, 'exact'],
    ['GET', '/exact/2', 200, 'pattern'],
    ['GET', '/nothing', 204, ''],
    ['POST', '/data', 200, 'fine'],
    ['GET', '/Data', 200, 'fine'],
    ['GET', '/datas', 200, 'fine'],
    ['GET', '/dat', 200, 'fine'],
  ])('%s %s is answered %d', async (method, path, status, text) => {
    const answer = await ask(app(), path, { method });
    expect(answer.status).toBe(status);
    expect(await answer.text()).toBe(text);
  });

  test('the first rule that applies counts', async () => {
    expect(await (await ask(app(), '/text', { headers: { 'X-First': '1' } })).text()).toBe('first');
    expect(await (await ask(app(), '/text')).text()).toBe('second');
  });

  test('types, lengths and lines are those of the rule', async () => {
    const text = await ask(app(), '/text');
    expect(text.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(text.headers.get('content-length')).toBe('6');
    const lines = await ask(app(), '/lines');
    expect(lines.headers.get('link')).toBe('<a>, <b>');
    expect(lines.headers.get('content-type')).toBe('application/octet-stream');
    expect((await ask(app(), '/nothing')).headers.get('content-length')).toBeNull();
    const head = await ask(app(), '/data', { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe('7');
  });

  test('who has the body already gets 304 with what was said of it (RFC 9110 §15.4.5)', async () => {
    const first = await ask(app(), '/data');
    const etag = first.headers.get('etag')!;
    for (const method of ['GET', 'HEAD']) {
      const again = await ask(app(), '/data', {
        method,
        headers: { 'If-None-Match': `"x", W/${etag}` },
      });
      expect(again.status).toBe(304);
      expect(again.headers.get('etag')).toBe(etag);
      expect(again.headers.get('content-type')).toBeNull();
      expect(again.headers.get('x-content-type-options')).toBe('nosniff');
    }
    const other = await ask(app(), '/data', { headers: { 'If-None-Match': '"other"' } });
    expect(other.status).toBe(200);
  });

  test('what "when" throws goes to the error handlers', async () => {
    const made = appWith({ rules }, (one) => {
      one.use(((error: Error, _req, res, _next) => {
        res.status(418).send(error.message);
      }) as express.ErrorRequestHandler);
    });
    const answer = await ask(made, '/throws');
    expect([answer.status, await answer.text()]).toEqual([418, 'deliberate']);
  });

  test('the bytes of the caller may change afterwards', async () => {
    const body = Buffer.from('before');
    const made = appWith({ rules: [{ path: '/x', body }] });
    body.write('after!');
    expect(await (await ask(made, '/x')).text()).toBe('before');
  });

  test('any path answers by its rule alone, and no other (property)', async () => {
    const segment = fc.stringMatching(/^[a-z]{1,3}$/);
    const paths = fc.uniqueArray(
      segment.map((one) => `/${one}`),
      { minLength: 1, maxLength: 8 },
    );
    const { step } = earlyAnswers();
    expect(step).toBeDefined();
    await fc.assert(
      fc.asyncProperty(paths, segment, async (known, asked) => {
        const made = appWith({ rules: known.map((path) => ({ path, body: path })) }, (one) => {
          one.use((_req, res) => void res.send('none'));
        });
        const path = `/${asked}`;
        const answer = await ask(made, path);
        expect(await answer.text()).toBe(known.includes(path) ? path : 'none');
      }),
      { numRuns: 15 },
    );
  });

  test.each([
    ['without a path', {}, 'path'],
    ['with an unknown member', { path: '/x', statsu: 1 }, 'statsu'],
    ['with a status that is none', { path: '/x', status: 99 }, 'status'],
    ['with a body where none may be', { path: '/x', status: 204, body: 'x' }, '204'],
    ['with a pattern that is none', { path: '/x/:' }, '/x/:'],
    [
      'with a length of its own',
      { path: '/x', headers: { 'content-length': '1' } },
      'content-length',
    ],
    ['with a split header', { path: '/x', headers: { A: 'a\r\nB: b' } }, 'header'],
    ['with a number as a header', { path: '/x', headers: { A: 1 } }, '"A"'],
    ['with a method in lower case', { path: '/x', method: 'get' }, 'method'],
    ['with what JSON does not know', { path: '/x', body: () => 1 }, 'body'],
    ['with a "when" that is none', { path: '/x', when: true }, 'when'],
  ])('a rule %s is refused by name', (_what, rule, named) => {
    const make = (): unknown => earlyReturn({ rules: [rule as EarlyRule] });
    expect(make).toThrow(OptionError);
    expect(make).toThrow(named);
  });
});

describe('pings, favicon and robots.txt', () => {
  test('a ping says pong, and nobody keeps it', async () => {
    const app = appWith({ pings: ['/ping'] });
    const answer = await ask(app, '/ping');
    expect([answer.status, await answer.text()]).toEqual([200, 'pong\n']);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect((await ask(app, '/ping', { method: 'HEAD' })).status).toBe(200);
    expect((await ask(app, '/ping', { method: 'POST' })).status).toBe(404);
  });

  test('the favicon is 204, or the icon with its type', async () => {
    const none = await ask(appWith({ favicon: true }), '/favicon.ico');
    expect([none.status, none.headers.get('cache-control')]).toEqual([
      204,
      'public, max-age=86400',
    ]);
    for (const [bytes, type] of [
      [Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'image/svg+xml'],
      [Buffer.from([0x89, 0x50, 0x4e, 0x47, 1]), 'image/png'],
      [Buffer.from('GIF89a'), 'image/gif'],
      [Buffer.from([0xff, 0xd8, 0xff, 1]), 'image/jpeg'],
      [Buffer.from([0, 0, 1, 0]), 'image/x-icon'],
    ] as const) {
      const icon = await ask(appWith({ favicon: bytes }), '/favicon.ico');
      expect(icon.headers.get('content-type')).toBe(type);
      expect(Buffer.from(await icon.arrayBuffer())).toEqual(bytes);
    }
  });

  test('robots.txt is the text, or keeps every robot out', async () => {
    const own = await ask(appWith({ robots: 'User-agent: *\nAllow: /\n' }), '/robots.txt');
    expect(await own.text()).toBe('User-agent: *\nAllow: /\n');
    const closed = await ask(appWith({ robots: true }), '/robots.txt');
    expect(await closed.text()).toBe('User-agent: *\nDisallow: /\n');
  });

  test("without options all three are the application's", async () => {
    const app = appWith({}, (made) => {
      made.get(['/ping', '/favicon.ico', '/robots.txt'], fine);
    });
    for (const path of ['/ping', '/favicon.ico', '/robots.txt']) {
      expect(await (await ask(app, path)).text()).toBe('fine');
    }
  });
});

describe('OPTIONS', () => {
  const routes = (app: Express): void => {
    app.get('/items/:id', fine).delete('/items/:id', fine);
    app.options('/own', (_req, res) => void res.set('X-Own', '1').sendStatus(200));
    app.get('/own', fine);
    app.all('/all', (req, res) => void res.send(req.method));
    app.use('/nested', Router().patch('/:a', fine));
  };

  test.each([
    ['/items/1', 'GET, HEAD, DELETE, OPTIONS'],
    ['/items/1?x=2', 'GET, HEAD, DELETE, OPTIONS'],
    ['/nested/1', 'PATCH, OPTIONS'],
  ])('%s is answered with a true Allow (RFC 9110 §9.3.7)', async (path, allow) => {
    const answer = await ask(appWith({}, routes), path, { method: 'OPTIONS' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([204, allow]);
  });

  test('Allow names no method that is refused everywhere', async () => {
    const app = appWith({ methods: ['GET', 'HEAD', 'OPTIONS'] }, routes);
    const answer = await ask(app, '/items/1', { method: 'OPTIONS' });
    expect(answer.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });

  test('a route that takes it answers itself', async () => {
    const own = await ask(appWith({}, routes), '/own', { method: 'OPTIONS' });
    expect(own.headers.get('x-own')).toBe('1');
    expect(await (await ask(appWith({}, routes), '/all', { method: 'OPTIONS' })).text()).toBe(
      'OPTIONS',
    );
  });

  test.each([
    ['a preflight', { Origin: 'https://a.test', 'Access-Control-Request-Method': 'DELETE' }],
    ['a cross-origin request', { Origin: 'https://a.test' }],
  ])('%s goes to whoever does CORS', async (_what, headers) => {
    const app = express();
    app.use(earlyAnswers({ routesOnly: ['/'] }));
    app.use((req, res, next) => {
      res.set('Access-Control-Allow-Origin', '*');
      if (req.method === 'OPTIONS') res.sendStatus(204);
      else next();
    });
    routes(app);
    const answer = await ask(app, '/items/1', { method: 'OPTIONS', headers });
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('allow')).toBeNull();
  });

  test('an address that no route lists goes on', async () => {
    const app = appWith({}, (made) => {
      made.use('/opaque', (_req, res) => void res.send('mine'));
    });
    expect(await (await ask(app, '/opaque', { method: 'OPTIONS' })).text()).toBe('mine');
  });

  test('can be switched off', async () => {
    const answer = await ask(appWith({ options: false }, routes), '/items/1', {
      method: 'OPTIONS',
    });
    // Express' own.
    expect(await answer.text()).not.toBe('');
  });

  test('a route that was added after the first question is in the next answer', async () => {
    const app = appWith({}, routes);
    const nested = Router();
    app.use('/late', nested);
    nested.get('/x', fine);
    const allowOf = async (): Promise<string | null> =>
      (await ask(app, '/late/x', { method: 'OPTIONS' })).headers.get('allow');
    expect(await allowOf()).toBe('GET, HEAD, OPTIONS');
    nested.put('/x', fine);
    expect(await allowOf()).toBe('GET, HEAD, PUT, OPTIONS');
  });
});

describe('what only listed routes answer', () => {
  const routes = (app: Express): void => {
    app.get('/api/items/:id', fine);
    app.all('/api/all', fine);
    app.use(['/files', '/apix'], fine);
  };

  test.each([
    ['GET', '/api/nothing', 404, null, 'ERR_NOT_FOUND'],
    ['GET', '/api', 404, null, 'ERR_NOT_FOUND'],
    ['POST', '/api/items/1', 405, 'GET, HEAD, OPTIONS', 'ERR_METHOD_NOT_ALLOWED'],
  ])('%s %s is refused with %d', async (method, path, status, allow, code) => {
    const app = appWith({ routesOnly: ['/api'] }, (made) => {
      made.use((_req, res, next) => {
        res.set('X-Spent', '1');
        next();
      });
      routes(made);
    });
    const answer = await ask(app, path, { method });
    expect([answer.status, answer.headers.get('allow')]).toEqual([status, allow]);
    expect(answer.headers.get('x-spent')).toBeNull();
    expect(await answer.json()).toMatchObject({ status, code });
  });

  test.each([
    ['GET', '/api/items/1'],
    ['HEAD', '/api/items/1'],
    ['PURGE', '/api/all'],
    ['GET', '/files/a.png'],
    ['GET', '/API/items/1'],
    ['GET', '/apix'],
  ])('%s %s goes on', async (method, path) => {
    const answer = await ask(appWith({ routesOnly: ['/api/'] }, routes), path, { method });
    expect(answer.status).toBe(200);
  });

  test('a route that is added later is never refused, however soon', async () => {
    const app = appWith({ routesOnly: ['/'] }, routes);
    const { url, close } = await serve(app);
    try {
      expect((await fetch(`${url}/late`)).status).toBe(404);
      app.get('/late', fine);
      expect((await fetch(`${url}/late`)).status).toBe(200);
      const router = Router();
      app.use('/r', router);
      expect((await fetch(`${url}/r/late`)).status).toBe(404);
      router.get('/late', fine);
      expect((await fetch(`${url}/r/late`)).status).toBe(200);
    } finally {
      await close();
    }
  });

  test('the monitoring routes of a whole stay reachable', async () => {
    const app = express();
    const stack = setup(app, [earlyReturn({ routesOnly: ['/'] })]);
    routes(app);
    const server = await stack.listen(0, '127.0.0.1');
    const { port } = server.address() as { port: number };
    try {
      expect((await fetch(`http://127.0.0.1:${port}/nothing`)).status).toBe(404);
      const names = stack.explain();
      const text = JSON.stringify(names);
      expect(text.indexOf('monitoring')).toBeLessThan(text.indexOf('"early-return"'));
    } finally {
      await stack.close();
    }
  });
});

describe('refusals by the head', () => {
  const refusals: [string, Partial<EdgeOptions>, string, RequestInit, number, string][] = [
    [
      'a method',
      { methods: ['GET', 'POST'] },
      '/',
      { method: 'PURGE' },
      501,
      'ERR_METHOD_NOT_IMPLEMENTED',
    ],
    ['a URL', { maxUrlBytes: 10 }, '/12345678901', {}, 414, 'ERR_URL_TOO_LONG'],
    [
      'many headers',
      { maxHeaderLines: 3 },
      '/',
      { headers: { a: '1', b: '2' } },
      431,
      'ERR_TOO_MANY_HEADERS',
    ],
    [
      'large headers',
      { maxHeaderBytes: 200 },
      '/',
      { headers: { a: 'x'.repeat(200) } },
      431,
      'ERR_HEADERS_TOO_LARGE',
    ],
    [
      'a body',
      { bodyless: ['DELETE'] },
      '/',
      { method: 'DELETE', body: 'x' },
      400,
      'ERR_UNEXPECTED_BODY',
    ],
    [
      'a body here',
      { bodies: { '/x': false } },
      '/x',
      { method: 'POST', body: 'x' },
      400,
      'ERR_UNEXPECTED_BODY',
    ],
    [
      'a length',
      { bodies: { '/*any': { maxBytes: 2 } } },
      '/x',
      { method: 'POST', body: 'xxx' },
      413,
      'ERR_BODY_TOO_LARGE',
    ],
    [
      'a type',
      { bodies: { '/*any': { types: ['application/json'] } } },
      '/x',
      { method: 'POST', body: 'xxx' },
      415,
      'ERR_UNSUPPORTED_MEDIA_TYPE',
    ],
  ];

  test.each(refusals)(
    '%s is refused by name, early',
    async (_what, options, path, init, status, code) => {
      const answer = await ask(
        appWith(options, (app) => void app.use(fine)),
        path,
        init,
      );
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(await answer.json()).toMatchObject({ status, code, detail: expect.any(String) });
    },
  );

  test.each([
    ['POST', 'accept-post'],
    ['PATCH', 'accept-patch'],
    ['PUT', 'accept'],
  ])('415 to %s tells by %s what would be taken', async (method, field) => {
    const types = ['application/json', 'image/*'];
    const app = appWith({ bodies: { '/*any': { types } } });
    const answer = await ask(app, '/x', { method, body: 'x' });
    expect([answer.status, answer.headers.get(field)]).toEqual([415, 'application/json, image/*']);
  });

  test.each([
    ['application/json', true],
    ['Application/JSON; charset=utf-8', true],
    ['image/png', true],
    ['image/', false],
    ['application/vnd.a+json', true],
    ['application/+json', false],
    ['text/plain', false],
    ['application/jsonp', false],
  ])('a body of type %s is taken: %s', async (type, taken) => {
    const types = ['application/json', 'image/*', 'application/*+json'];
    const app = appWith({ bodies: { '/x': { types } } }, (made) => void made.use(fine));
    const answer = await ask(app, '/x', {
      method: 'POST',
      body: 'x',
      headers: { 'Content-Type': type },
    });
    expect(answer.status).toBe(taken ? 200 : 415);
  });

  test('the first pattern that matches decides on bodies, and no body is none to refuse', async () => {
    const bodies = { '/big': { maxBytes: 100 }, '/*any': { maxBytes: 2, types: ['a/b'] } };
    const app = appWith({ bodies }, (made) => void made.use(fine));
    const post = { method: 'POST', body: 'xxx' };
    expect((await ask(app, '/big', post)).status).toBe(200);
    expect((await ask(app, '/other', post)).status).toBe(413);
    expect((await ask(app, '/other', { method: 'POST' })).status).toBe(200);
  });

  test('limits are those that are named, and not one less', async () => {
    const app = appWith({ maxUrlBytes: 5, bodies: { '/*any': { maxBytes: 3 } } }, (made) => {
      made.use(fine);
    });
    expect((await ask(app, '/1234')).status).toBe(200);
    expect((await ask(app, '/12345')).status).toBe(414);
    expect((await ask(app, '/1', { method: 'POST', body: 'xxx' })).status).toBe(200);
  });
});

describe('security headers', () => {
  test('every early answer has them, and a rule may have its own', async () => {
    const page = { 'content-security-policy': "default-src 'self'", 'Content-Type': 'text/html' };
    const app = appWith(
      { pings: ['/ping'], maxUrlBytes: 20, rules: [{ path: '/page', headers: page, body: '<p>' }] },
      (made) => void made.get('/x', fine),
    );
    for (const [path, init] of [
      ['/ping', {}],
      ['/x', { method: 'OPTIONS' }],
      [`/${'x'.repeat(30)}`, {}],
    ] as const) {
      const { headers } = await ask(app, path, init);
      for (const [name, value] of Object.entries(EARLY_RETURN_HEADERS))
        expect(headers.get(name)).toBe(value);
    }
    const { headers } = await ask(app, '/page');
    expect(headers.get('content-security-policy')).toBe("default-src 'self'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  test.each([
    ['app.use', false],
    ['setup', true],
  ])('with helmet an early answer has the same as a late one, by %s', async (_how, whole) => {
    const app = express().disable('x-powered-by');
    const secure = helmet();
    const early = earlyReturn({ pings: ['/ping'], maxUrlBytes: 20, secure });
    const stack = whole ? setup(app, [early]) : undefined;
    if (!whole) app.use(early);
    app.use(secure);
    app.get('/late', (_req, res) => void res.type('text/plain').send('pong\n'));
    const { url, close } = await serve(app);
    try {
      const own =
        /^(?:date|connection|keep-alive|etag|cache-control|content-type|content-length|allow)$/;
      const headersOf = async (path: string, init?: RequestInit): Promise<object> => {
        const { headers } = await fetch(url + path, init);
        return Object.fromEntries([...headers].filter(([name]) => !own.test(name)));
      };
      const late = await headersOf('/late');
      expect(Object.keys(late).length).toBeGreaterThan(8);
      expect(await headersOf('/ping')).toEqual(late);
      expect(await headersOf(`/${'x'.repeat(30)}`)).toEqual(late);
      expect(await headersOf('/late', { method: 'OPTIONS' })).toEqual(late);
    } finally {
      await close();
      await stack?.close();
    }
  });

  test('a handler that fails, or waits, is an error and no answer without headers', async () => {
    for (const secure of [
      (_req, _res, next) => next(new Error('deliberate')),
      (_req, _res, next) => void setImmediate(next),
    ] satisfies RequestHandler[]) {
      const app = appWith({ pings: ['/ping'], secure }, (made) => {
        made.use(((_error, _req, res, _next) => {
          if (!res.headersSent) res.status(418).send('seen');
        }) as express.ErrorRequestHandler);
      });
      expect((await ask(app, '/ping')).status).toBe(418);
    }
  });
});

describe('who hears of it', () => {
  test('onEvent, the channel and the statistics know every answer', async () => {
    const heard: EarlyReturnEvent[] = [];
    const published: unknown[] = [];
    const listener = (message: unknown): void => void published.push(message);
    subscribe(EARLY_RETURN_CHANNEL, listener);
    const early = earlyAnswers({
      pings: ['/ping'],
      maxUrlBytes: 20,
      onEvent: (event) => void heard.push(event),
    });
    const app = express().use(early).get('/x', fine);
    const { url, close } = await serve(app);
    try {
      await fetch(`${url}/ping`);
      await fetch(`${url}/x`, { method: 'OPTIONS' });
      await fetch(`${url}/${'x'.repeat(30)}`);
      await fetch(`${url}/x`);
    } finally {
      unsubscribe(EARLY_RETURN_CHANNEL, listener);
      await close();
    }
    expect(heard).toMatchObject([
      { type: 'rule', path: '/ping', status: 200 },
      { type: 'options', status: 204 },
      { type: 'refused', reason: 'url', status: 414 },
    ]);
    expect(published).toEqual(heard);
    expect(heard[0]!.exchange.route).toBe('/ping');
    expect(early.stats!()).toEqual({ rulesTotal: 1, optionsTotal: 1, refusedTotal: { url: 1 } });
  });

  test('a hook that throws changes nothing', async () => {
    const warned: unknown[] = [];
    const onWarning = (warning: unknown): void => void warned.push(warning);
    process.on('warning', onWarning);
    const app = appWith({
      pings: ['/ping'],
      onEvent: () => {
        throw new Error('deliberate');
      },
    });
    expect((await ask(app, '/ping')).status).toBe(200);
    process.off('warning', onWarning);
  });

  test('after close requests pass untouched', async () => {
    const early = earlyAnswers({ pings: ['/ping'] });
    const app = express().use(early).get('/ping', fine);
    await early.close?.();
    expect(await (await ask(app, '/ping')).text()).toBe('fine');
  });

  test('in a sub-router paths are those that its routes see', async () => {
    const app = express();
    let route: string | undefined;
    app.use((req, res, next) => {
      res.on('finish', () => (route = exchangeOf(req, res).route));
      next();
    });
    app.use('/sub', Router().use(earlyAnswers({ pings: ['/ping'] })));
    expect((await ask(app, '/sub/ping')).status).toBe(200);
    expect(route).toBe('/sub/ping');
  });
});
