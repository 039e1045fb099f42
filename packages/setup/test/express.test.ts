/**
 * What the pipeline hands to a middleware, and what Express shows of itself, must be
 * the same whoever serves: Express alone with `app.use`, or the stack ahead of it.
 */
import { IncomingMessage, request, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express, { type Express, type RequestHandler } from 'express';

import { defineMiddleware, type Middleware } from '@org/core';
import { serve } from '@org/core/testing';
import { type MessageClasses, setup } from '@org/setup';

interface Answer {
  readonly status: number | undefined;
  readonly headers: Record<string, unknown>;
  readonly body: string;
}

/** One request over a connection of its own, with nothing added by the client. */
function ask(
  url: string,
  path: string,
  {
    method = 'GET',
    headers,
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(
      url,
      { path, method, headers: { connection: 'close', ...headers } },
      (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('end', () => {
          const { date: _date, ...rest } = res.headers;
          resolve({
            status: res.statusCode,
            headers: rest,
            body: Buffer.concat(chunks).toString(),
          });
        });
      },
    );
    req.on('error', reject);
    req.end(body);
  });
}

type Build = (app: Express, mount: (handler: RequestHandler) => void) => void;

/** Ways to serve one app whose middleware is given to `mount`. */
const WAYS: Record<string, (build: Build, use: (url: string) => Promise<void>) => Promise<void>> = {
  'Express alone': async (build, use) => {
    // The one thing that setup changes of an app.
    const app = express().disable('x-powered-by');
    build(app, (handler) => app.use(handler));
    const { url, close } = await serve(app);
    await use(url).finally(() => void close());
  },
  'setup on a server of one’s own': async (build, use) => {
    const app = express();
    const late: RequestHandler[] = [];
    setup(app, [late1(late)], { monitoring: false });
    build(app, (handler) => void late.push(handler));
    const { url, close } = await serve(app);
    await use(url).finally(() => void close());
  },
  ...Object.fromEntries(
    (['express', 'node'] as const).map((messageClasses) => [
      `listen with ${messageClasses} messages`,
      async (build: Build, use: (url: string) => Promise<void>) =>
        ahead(messageClasses, build, use),
    ]),
  ),
};

/** A component that stands for the handlers which the build mounts after `setup`. */
function late1(handlers: readonly RequestHandler[]): Middleware {
  return defineMiddleware({
    name: 'under-test',
    phase: 'shape',
    handle: (req, res, next) => {
      let at = 0;
      const go = (error?: unknown): void => {
        const handler = handlers[at++];
        if (error !== undefined || handler === undefined) next(error);
        else void handler(req, res, go);
      };
      go();
    },
  });
}

async function ahead(
  messageClasses: MessageClasses,
  build: Build,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const app = express();
  const handlers: RequestHandler[] = [];
  const stack = setup(app, [late1(handlers)], {
    monitoring: false,
    server: { messageClasses, keepAliveTimeoutMs: 5000 },
  });
  build(app, (handler) => void handlers.push(handler));
  const server = await stack.listen(0, '127.0.0.1');
  await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await stack.close();
}

/** Asks the same of an app served in every way, and expects the answers of Express alone. */
function same(
  what: string,
  build: Build,
  asks: readonly [string, Parameters<typeof ask>[2]?][],
): void {
  test(`of ${what}`, async () => {
    const answers: Record<string, Answer[]> = {};
    for (const [way, served] of Object.entries(WAYS)) {
      await served(build, async (url) => {
        answers[way] = [];
        for (const [path, options] of asks) answers[way].push(await ask(url, path, options));
      });
    }
    const { 'Express alone': expected, ...others } = answers;
    for (const [way, seen] of Object.entries(others))
      expect({ way, seen }).toEqual({ way, seen: expected });
  });
}

describe('ahead of Express is as in Express', () => {
  same(
    'what a middleware sees of request and response',
    (app, mount) => {
      app.set('trust proxy', 1);
      mount((req, res) => {
        res.json({
          app: req.app === app && res.app === app,
          each: req.res === res && res.req === req,
          types: [req instanceof IncomingMessage, res instanceof ServerResponse],
          prototypes: [
            Object.getPrototypeOf(req) === app.request,
            Object.getPrototypeOf(res) === app.response,
          ],
          own: [req.constructor.name, res.constructor.name],
          urls: [req.url, req.originalUrl, req.baseUrl, req.path, req.query],
          who: [req.ip, req.ips, req.protocol, req.secure, req.hostname, req.xhr, req.subdomains],
          params: req.params,
          route: req.route === undefined,
          next: typeof req.next,
          locals: [res.locals, Object.getPrototypeOf(res.locals) === null],
          get: [req.get('X-One'), req.accepts('json'), req.is('json')],
          powered: res.getHeader('X-Powered-By'),
        });
      });
    },
    [
      [
        '/a/b?x=1&y[z]=2',
        {
          headers: { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https', 'x-one': '1' },
        },
      ],
      ['http://elsewhere.example/c?d=e'],
      ['/%zz'],
    ],
  );

  same(
    'settings: query parser, json spaces, etag, x-powered-by',
    (app, mount) => {
      app.set('query parser', (text: string) => ({ text }));
      app.set('json spaces', 2);
      app.set('etag', 'strong');
      app.enable('x-powered-by');
      mount((req, res) => void res.json({ query: req.query, fresh: req.fresh }));
    },
    [['/?a=1'], ['/?a=1', { headers: { 'if-none-match': '*' } }]],
  );

  same(
    'methods of one’s own on request and response',
    (app, mount) => {
      (app.request as unknown as Record<string, unknown>).shout = function (this: { url: string }) {
        return this.url.toUpperCase();
      };
      (app.response as unknown as Record<string, unknown>).whisper = function (
        this: { send(text: string): void },
        text: string,
      ) {
        this.send(text.toLowerCase());
      };
      mount((req, res) => {
        const own = req as unknown as { shout(): string };
        (res as unknown as { whisper(text: string): void }).whisper(own.shout());
      });
    },
    [['/Abc']],
  );

  same(
    'apps in apps with prototypes of their own',
    (app, mount) => {
      const inner = express();
      (inner.response as unknown as Record<string, unknown>).mark = function (this: {
        set(name: string, value: string): void;
      }) {
        this.set('X-Inner', '1');
      };
      inner.get('/', (req, res, next) => {
        (res as unknown as { mark(): void }).mark();
        if (req.query.skip === undefined)
          res.json({ inner: req.app === inner, base: req.baseUrl, url: req.url });
        else next();
      });
      mount((_req, res, next) => {
        res.locals.seen = true;
        next();
      });
      app.use('/inner', inner);
      app.use(
        (req, res) =>
          void res.json({
            outer: req.app === app,
            seen: res.locals.seen as unknown,
            mark: 'mark' in res,
          }),
      );
    },
    [['/inner'], ['/inner?skip'], ['/other']],
  );

  same(
    'the ways to answer',
    (app, mount) => {
      mount((req, res, next) => {
        const ways: Record<string, () => void> = {
          '/send': () => void res.send('text'),
          '/status': () => void res.sendStatus(403),
          '/redirect': () => res.redirect(301, '/elsewhere'),
          '/file': () => res.sendFile(join(process.cwd(), 'LICENSE'), { lastModified: false }),
          '/nofile': () => res.sendFile(join(process.cwd(), 'no such file')),
          '/cookie': () =>
            void res.cookie('a', 'b', { httpOnly: true }).clearCookie('c').send('ok'),
          '/format': () =>
            void res.format({
              text: () => void res.send('text'),
              json: () => void res.json('json'),
            }),
          '/jsonp': () => void res.jsonp({ a: 1 }),
          '/stream': () => {
            res.write('in ');
            res.end('parts');
          },
          '/attachment': () =>
            void res.attachment('a.txt').vary('Accept').links({ next: '/2' }).send('x'),
        };
        (ways[req.path] ?? next)();
      });
      app.get('/routed/:id', (req, res) => void res.send(req.params.id));
      app.post('/routed/:id', express.json(), (req, res) => void res.json(req.body));
      app.use(
        ((error: { status?: number; code?: string }, _req, res, _next) =>
          void res
            .status(error.status ?? 500)
            .send(`error ${error.code}`)) as express.ErrorRequestHandler,
      );
    },
    [
      ...[
        '/send',
        '/status',
        '/redirect',
        '/file',
        '/nofile',
        '/cookie',
        '/jsonp?callback=cb',
        '/stream',
        '/attachment',
      ].map((path) => [path] as [string]),
      ['/format', { headers: { accept: 'application/json' } }],
      ['/file', { headers: { range: 'bytes=0-4' } }],
      ['/send', { method: 'HEAD' }],
      ['/routed/7'],
      ['/routed/7', { method: 'HEAD' }],
      ['/routed/7', { method: 'OPTIONS' }],
      ['/routed/%zz'],
      [
        '/routed/7',
        {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'content-length': '7' },
          body: '{"a":1}',
        },
      ],
      [
        '/routed/7',
        {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'content-length': '4' },
          body: '{"a"',
        },
      ],
    ],
  );

  same(
    'leaving by route, by router, by error and by changing the URL',
    (app, mount) => {
      mount((req, _res, next) => {
        if (req.path === '/route') next('route');
        else if (req.path === '/router') next('router');
        else if (req.path === '/error') next(new Error('handed on'));
        else if (req.path === '/throw') throw new Error('thrown');
        else if (req.path === '/reject') void Promise.reject(new Error('rejected')).catch(next);
        else {
          if (req.path === '/old') req.url = '/new';
          next();
        }
      });
      app.get(
        ['/route', '/router', '/new'],
        (req, res) => void res.send(`${req.url} of ${req.originalUrl}`),
      );
      app.use(
        ((error: Error, _req, res, _next) =>
          void res.status(500).send(error.message)) as express.ErrorRequestHandler,
      );
    },
    [['/route'], ['/error'], ['/throw'], ['/reject'], ['/old']],
  );

  same(
    'what stands after next()',
    (app, mount) => {
      const log: string[] = [];
      mount((_req, _res, next) => {
        log.push('before');
        next();
        log.push('after');
      });
      app.get('/', (_req, res, next) => {
        log.push('handler');
        setImmediate(next);
      });
      app.use((_req, res) => void res.send(log.join(' ')));
    },
    [['/']],
  );
});

describe('the message classes', () => {
  test.each([
    ['express', true],
    ['node', false],
  ] as const)('carry the prototypes of Express from birth: %s', async (classes, born) => {
    const app = express();
    const stack = setup(app, [], { server: { messageClasses: classes } });
    app.get('/', (_req, res) => void res.send('ok'));
    const server = await stack.listen(0, '127.0.0.1');
    const seen: unknown[] = [];
    server.prependListener('request', (req, res) =>
      seen.push(
        req.constructor === IncomingMessage,
        res.constructor === ServerResponse,
        Object.getPrototypeOf(req) === app.request,
        Object.getPrototypeOf(res) === app.response,
      ),
    );
    await ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, '/');
    await stack.close();
    expect(seen).toEqual([true, true, born, born]);
  });
});
