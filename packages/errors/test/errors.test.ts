/** What clients get, over real sockets. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect } from 'node:net';
import express, { type Application, type ErrorRequestHandler, type RequestHandler } from 'express';
import * as fc from 'fast-check';
import {
  defineStages,
  type Exchange,
  exchangeOf,
  FAULT_CHANNEL,
  type Fault,
  ProblemError,
} from '@org/core';
import { recordExchanges, serve } from '@org/core/testing';
import { type ErrorMessage, errors, ERRORS_CHANNEL, type ErrorsOptions } from '@org/errors';

type Options = Partial<ErrorsOptions>;

const production: Options = { expose: false };

/** An app whose `/` runs `handler`, with the error answers behind it. */
function appWith(handler: RequestHandler, options: Options = production): Application {
  const app = express();
  app.all('/', handler);
  return finish(app, options);
}

function finish(app: Application, options: Options = production): Application {
  const { notFound, handler } = errors(options);
  app.use(notFound, handler);
  return app;
}

function throwing(error: unknown, options: Options = production): Application {
  return appWith(() => {
    throw error;
  }, options);
}

async function ask(
  app: Application,
  path: string = '/',
  init: RequestInit = {},
): Promise<Response & { text(): Promise<string> }> {
  const { url, close } = await serve(app);
  try {
    const answer = await fetch(url + path, init);
    const body = await answer.arrayBuffer();
    return new Response([204, 304].includes(answer.status) ? null : body, answer);
  } finally {
    await close();
  }
}

async function documentFrom(
  app: Application,
  path?: string,
  init?: RequestInit,
): Promise<Record<string, unknown>> {
  return (await (await ask(app, path, init)).json()) as Record<string, unknown>;
}

/** Runs `task` and answers the faults that were reported meanwhile. */
async function faultsDuring(task: () => Promise<unknown>): Promise<Fault[]> {
  const faults: Fault[] = [];
  const listen = (fault: unknown) => void faults.push(fault as Fault);
  subscribe(FAULT_CHANNEL, listen);
  try {
    await task();
  } finally {
    unsubscribe(FAULT_CHANNEL, listen);
  }
  return faults;
}

describe('a problem document', () => {
  const problem = new ProblemError({
    code: 'ERR_OUT_OF_STOCK',
    status: 409,
    type: 'https://example.com/problems/out-of-stock',
    title: 'Out of stock',
    detail: 'Two are left.',
    headers: { 'Retry-After': '120' },
    extensions: { left: 2 },
  });

  test('has the members of RFC 9457 §3.1, extensions, the code and the error id', async () => {
    const answer = await ask(throwing(problem));
    expect(answer.status).toBe(409);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    const document = (await answer.json()) as Record<string, unknown>;
    expect(document).toEqual({
      type: 'https://example.com/problems/out-of-stock',
      title: 'Out of stock',
      status: 409,
      detail: 'Two are left.',
      instance: `urn:uuid:${String(document.errorId)}`,
      code: 'ERR_OUT_OF_STOCK',
      errorId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      left: 2,
    });
  });

  test('is about:blank with the reason phrase for title where there is no type (RFC 9457 §4.2.1)', async () => {
    const error = Object.assign(new Error('no tea'), { status: 418 });
    expect(await documentFrom(throwing(error))).toMatchObject({
      type: 'about:blank',
      title: "I'm a Teapot",
      status: 418,
      detail: 'no tea',
    });
  });

  test('keeps the headers of its problem, is not stored, and varies by Accept', async () => {
    const answer = await ask(throwing(problem));
    expect(answer.headers.get('retry-after')).toBe('120');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('vary')).toBe('Accept');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('may be kept by caches where its problem says so', async () => {
    const gone = new ProblemError({
      code: 'ERR_GONE',
      status: 410,
      detail: 'Gone for good.',
      headers: { 'cache-control': 'max-age=60' },
    });
    expect((await ask(throwing(gone))).headers.get('cache-control')).toBe('max-age=60');
  });

  test('carries no header of the body that is not sent, and keeps the others', async () => {
    const answer = await ask(
      appWith((_req, res) => {
        res.set({
          'Content-Type': 'text/csv',
          'Content-Encoding': 'gzip',
          'Content-Length': '5',
          'Content-Disposition': 'attachment',
          ETag: '"x"',
          'Last-Modified': new Date(0).toUTCString(),
          Expires: new Date().toUTCString(),
          'Cache-Control': 'public, max-age=60',
          'CDN-Cache-Control': 'max-age=600',
          Vary: 'Origin',
          'X-Kept': 'yes',
        });
        throw problem;
      }),
    );
    const names = [...answer.headers.keys()];
    for (const gone of [
      'content-encoding',
      'content-disposition',
      'etag',
      'last-modified',
      'expires',
      'cdn-cache-control',
    ])
      expect(names).not.toContain(gone);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('vary')).toBe('Origin, Accept');
    expect(answer.headers.get('x-kept')).toBe('yes');
    expect(await answer.json()).toMatchObject({ status: 409 });
  });

  test('lets no extension overwrite a standard member or smuggle a stack', async () => {
    const error = new ProblemError({
      code: 'ERR_X',
      status: 400,
      detail: 'x',
      extensions: { status: 200, type: 'y', code: 'z', errorId: 'mine', stack: 'secret' },
    });
    const document = await documentFrom(throwing(error));
    expect(document).toMatchObject({ status: 400, type: 'about:blank', code: 'ERR_X' });
    expect(document.errorId).not.toBe('mine');
    expect(document).not.toHaveProperty('stack');
  });

  test('names an occurrence by instance only where the id of the request is a UUID', async () => {
    const document = await documentFrom(
      appWith((req, res) => {
        exchangeOf(req, res).id = 'req-17';
        throw problem;
      }),
    );
    expect(document.errorId).toBe('req-17');
    expect(document).not.toHaveProperty('instance');
  });

  test('survives extensions that JSON cannot hold', async () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    for (const bad of [
      circle,
      10n,
      {
        toJSON: () => {
          throw new Error('no');
        },
      },
    ]) {
      const error = new ProblemError({
        code: 'ERR_X',
        status: 400,
        detail: 'x',
        extensions: { bad },
      });
      const faults = await faultsDuring(async () => {
        expect(await documentFrom(throwing(error))).toMatchObject({ code: 'ERR_X', detail: 'x' });
      });
      expect(faults.length).toBeGreaterThan(0);
    }
  });

  test('leaves out a header that cannot be sent and reports it', async () => {
    const error = new ProblemError({
      code: 'ERR_X',
      status: 400,
      detail: 'x',
      headers: { 'X-Bad': 'a\r\nb', 'X-Good': 'yes', 'Content-Length': '3' },
    });
    const faults = await faultsDuring(async () => {
      const answer = await ask(throwing(error));
      expect(answer.headers.get('x-good')).toBe('yes');
      expect(answer.headers.get('x-bad')).toBeNull();
      expect(await answer.json()).toMatchObject({ code: 'ERR_X' });
    });
    expect(faults).toHaveLength(1);
  });
});

describe('masking', () => {
  const secret = 'password=hunter2 at db.internal';

  test('hides message, code and stack of an unexpected error', async () => {
    const error = Object.assign(new Error(secret), { code: 'E_SECRET', sql: secret });
    const answer = await ask(throwing(error));
    expect(answer.status).toBe(500);
    const text = await answer.text();
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('E_SECRET');
    expect(JSON.parse(text)).toEqual({
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      code: 'ERR_INTERNAL',
      errorId: expect.any(String),
      instance: expect.any(String),
    });
  });

  test('hides it in every form', async () => {
    for (const accept of ['text/html', 'text/plain', 'application/json']) {
      const text = await (
        await ask(throwing(new Error(secret), { ...production, stack: true }), '/', {
          headers: { accept },
        })
      ).text();
      expect(text).not.toContain('hunter2');
      expect(text).not.toContain('errors.test');
    }
  });

  test('shows a 5xx detail where the error itself says so', async () => {
    const error = new ProblemError({
      code: 'ERR_MAINTENANCE',
      status: 503,
      detail: 'Back at noon.',
      expose: true,
    });
    expect(await documentFrom(throwing(error))).toMatchObject({ detail: 'Back at noon.' });
  });

  test('hides a 4xx detail where the error itself says so', async () => {
    const error = Object.assign(new Error(secret), { status: 400, expose: false });
    expect(await documentFrom(throwing(error))).not.toHaveProperty('detail');
  });

  test('shows the detail in development, and the stacks of error and causes only when asked', async () => {
    const error = new Error(secret, { cause: new Error('the cause') });
    const development = await documentFrom(throwing(error, { expose: true }));
    expect(development.detail).toBe(secret);
    expect(development).not.toHaveProperty('stack');
    const { stack } = await documentFrom(throwing(error, { expose: true, stack: true }));
    expect(stack).toEqual(
      expect.arrayContaining([`Error: ${secret}`, 'Caused by: Error: the cause']),
    );
  });

  test.each([
    ['production', false],
    [undefined, false],
    ['staging', false],
    ['development', true],
    ['test', true],
  ])('with NODE_ENV=%s exposes by default: %s', async (value, exposes) => {
    const before = process.env.NODE_ENV;
    try {
      if (value === undefined) delete process.env.NODE_ENV;
      else process.env.NODE_ENV = value;
      const document = await documentFrom(throwing(new Error(secret), {}));
      expect('detail' in document).toBe(exposes);
    } finally {
      process.env.NODE_ENV = before;
    }
  });
});

describe('content negotiation (RFC 9110 §12.5.1)', () => {
  const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8';
  test.each([
    ['*/*', 'application/problem+json'],
    ['', 'application/problem+json'],
    ['application/json', 'application/problem+json'],
    ['application/problem+json', 'application/problem+json'],
    ['application/json, text/plain, */*', 'application/problem+json'],
    [browser, 'text/html; charset=utf-8'],
    ['text/html;q=0.5, application/json;q=0.9', 'application/problem+json'],
    ['text/html;q=0.9, application/json;q=0.5', 'text/html; charset=utf-8'],
    ['text/html;q=0, */*', 'application/problem+json'],
    ['text/plain', 'text/plain; charset=utf-8'],
    ['text/*', 'text/html; charset=utf-8'],
    ['image/png', 'application/problem+json'],
    ['\u00ff;;;q=,', 'application/problem+json'],
  ])('Accept: %s gets %s', async (accept, expected) => {
    const answer = await ask(throwing(new Error('x')), '/', { headers: { accept } });
    expect(answer.headers.get('content-type')).toBe(expected);
    expect(answer.headers.get('vary')).toBe('Accept');
    expect(answer.status).toBe(500);
  });

  test('a page is escaped, has no script, and a policy that refuses one', async () => {
    const evil = `<script>alert(1)</script>"'&`;
    const error = new ProblemError({
      code: evil,
      status: 400,
      title: evil,
      detail: evil,
      type: `https://x/"onload=`,
    });
    const answer = await ask(throwing(error), '/', { headers: { accept: browser } });
    const page = await answer.text();
    expect(page).not.toMatch(/<script|"onload/);
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;');
    expect(answer.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'/,
    );
  });

  test('no text survives as markup in a page', async () => {
    const { url, close } = await serve(
      appWith((req) => {
        throw new ProblemError({ code: 'ERR_X', status: 400, detail: req.query.detail as string });
      }),
    );
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.string({
            unit: fc.constantFrom('<', '>', '"', "'", '&', 'b', '/', ' '),
            minLength: 1,
          }),
          async (detail) => {
            const answer = await fetch(`${url}/?detail=${encodeURIComponent(detail)}`, {
              headers: { accept: 'text/html' },
            });
            const [, inner] = /<p>(.*)<\/p>/s.exec(await answer.text())!;
            expect(inner).not.toMatch(/[<>"']/);
          },
        ),
        { numRuns: 50 },
      );
    } finally {
      await close();
    }
  });

  test('text has title, detail, code and error id, and a stack in development', async () => {
    const error = new ProblemError({ code: 'ERR_X', status: 400, detail: 'Why.' });
    const answer = await ask(throwing(error, { expose: true, stack: true }), '/', {
      headers: { accept: 'text/plain' },
    });
    expect(await answer.text()).toMatch(
      /^400 Bad Request\n\nWhy\.\n\nCode: ERR_X\nError id: [\w-]+\n\nProblemError: Why\./,
    );
  });

  test('a renderer of the user adds a media type or takes the place of one', async () => {
    const options: Options = {
      ...production,
      renderers: {
        'application/problem+xml': ({ status }) => `<problem><status>${status}</status></problem>`,
        'text/html': ({ title }) => `<h1>${title}</h1>`,
      },
    };
    const xml = await ask(throwing(new Error('x'), options), '/', {
      headers: { accept: 'application/problem+xml' },
    });
    expect(xml.headers.get('content-type')).toBe('application/problem+xml');
    expect(await xml.text()).toBe('<problem><status>500</status></problem>');
    const html = await ask(throwing(new Error('x'), options), '/', {
      headers: { accept: browser },
    });
    expect(await html.text()).toBe('<h1>Internal Server Error</h1>');
  });

  test('HEAD gets the head of GET and no body (RFC 9110 §9.3.2)', async () => {
    const app = throwing(new Error('x'));
    const { port, close } = await serve(app);
    try {
      const raw = await new Promise<string>((resolve) => {
        const socket = connect(port, '127.0.0.1', () =>
          socket.end('HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
        );
        let text = '';
        socket.on('data', (chunk) => (text += String(chunk)));
        socket.on('close', () => resolve(text));
      });
      expect(raw).toMatch(/^HTTP\/1\.1 500 Internal Server Error\r\n/);
      expect(raw).toMatch(/Content-Length: [1-9]/);
      expect(raw.endsWith('\r\n\r\n')).toBe(true);
    } finally {
      await close();
    }
  });
});

describe('what is thrown', () => {
  test.each([
    ['a string', 'boom'],
    ['a number', 17],
    ['an object', { a: 1 }],
    ['a symbol', Symbol('x')],
    ['false in a promise', Promise.reject.bind(Promise, false)],
    ['undefined in a promise', Promise.reject.bind(Promise, undefined)],
    ['null in a promise', Promise.reject.bind(Promise, null)],
    [
      'an error with hostile getters',
      Object.defineProperty(new Error('x'), 'status', {
        get: () => {
          throw new Error('getter');
        },
      }),
    ],
    [
      'a proxy that refuses',
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('trap');
          },
        },
      ),
    ],
  ])('%s becomes a masked 500, and an error for those who observe', async (_name, thrown) => {
    const recorder = recordExchanges();
    const app = express();
    app.use(recorder.middleware);
    app.get('/', () => {
      if (typeof thrown === 'function') return (thrown as () => Promise<never>)();
      throw thrown;
    });
    await faultsDuring(async () => {
      const document = await documentFrom(finish(app));
      expect(document).toMatchObject({ status: 500, code: 'ERR_INTERNAL' });
      expect(document).not.toHaveProperty('detail');
    });
    const [exchange] = await recorder.waitFor(1);
    expect(exchange!.error).toBeDefined();
    expect(typeof (exchange!.error as Error).stack).toBe('string');
  });

  test.each([[undefined], [null]])(
    'a handler that is given %s itself answers 500',
    async (nothing) => {
      const { handler } = errors(production);
      const answer = await ask(express().use((req, res, next) => handler(nothing, req, res, next)));
      expect(answer.status).toBe(500);
    },
  );

  test('an object that speaks like an error is one', async () => {
    expect(await documentFrom(throwing({ status: 404, message: 'No such thing.' }))).toMatchObject({
      status: 404,
      detail: 'No such thing.',
      code: 'ERR_NOT_FOUND',
    });
  });

  test('an object that speaks like a problem, but without headers, is answered by its status', async () => {
    const half = { code: 'ERR_HALF', type: 'x', status: 409, message: 'Half.' };
    for (const missing of [
      { headers: null, extensions: {} },
      { headers: {}, extensions: null },
    ]) {
      expect(await documentFrom(throwing({ ...half, ...missing }))).toMatchObject({
        status: 409,
        code: 'ERR_HALF',
      });
    }
  });

  test.each([[200], [399], [600], [400.5], ['404'], [Number.NaN]])(
    'the status %s is none: 500',
    async (status) => {
      const error = Object.assign(new Error('x'), { status });
      expect((await ask(throwing(error))).status).toBe(500);
      const problem = Object.assign(new ProblemError({ code: 'ERR_X', detail: 'x' }), { status });
      expect((await ask(throwing(problem))).status).toBe(500);
    },
  );

  test('a status that was set on the response counts, and shows nothing', async () => {
    const document = await documentFrom(
      appWith((_req, res) => {
        res.status(403);
        throw new Error('secret');
      }),
    );
    expect(document).toMatchObject({ status: 403, code: 'ERR_FORBIDDEN' });
    expect(document).not.toHaveProperty('detail');
  });
});

describe('when it is too late', () => {
  /** Everything the server sends until it closes. */
  async function raw(app: Application): Promise<string> {
    const { port, close } = await serve(app);
    try {
      return await new Promise<string>((resolve) => {
        let text = '';
        const socket = connect(port, '127.0.0.1', () =>
          socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
        );
        socket.on('data', (chunk) => (text += String(chunk)));
        socket.on('error', () => undefined);
        socket.on('close', () => resolve(text));
      });
    } finally {
      await close();
    }
  }

  test('a response that has begun is cut, so that nobody takes it for whole', async () => {
    const made = errors(production);
    const app = express();
    app.get('/', (_req, res, next) => {
      res.write('part', () => next(new Error('late')));
    });
    app.use(made.notFound, made.handler);
    const text = await raw(app);
    expect(text).toContain('part');
    expect(text).not.toContain('0\r\n\r\n');
    expect(made.stats?.()).toMatchObject({ cutTotal: 1, answeredTotal: 0 });
  });

  test('a response that is whole stays so, and the error is told', async () => {
    const heard: unknown[] = [];
    const made = errors({ ...production, onError: (error) => void heard.push(error) });
    const app = express();
    app.get('/', (_req, res, next) => {
      res.send('whole');
      next(new Error('after the end'));
    });
    app.use(made.notFound, made.handler);
    expect(await (await ask(app)).text()).toBe('whole');
    expect(heard).toEqual([expect.objectContaining({ message: 'after the end' })]);
  });

  test('not-found keeps quiet behind a handler that has answered', async () => {
    const app = appWith((_req, res, next) => {
      res.send('whole');
      next();
    });
    expect(await (await ask(app)).text()).toBe('whole');
  });

  test('a second error changes neither the answer nor what is remembered', async () => {
    const recorder = recordExchanges();
    const heard: string[] = [];
    const app = express().use(recorder.middleware);
    app.get('/', (_req, _res, next) => {
      next(new Error('first'));
      next(new Error('second'));
    });
    finish(app, { expose: true, onError: (error) => void heard.push((error as Error).message) });
    expect(await documentFrom(app)).toMatchObject({ detail: 'first' });
    const [exchange] = await recorder.waitFor(1);
    expect((exchange!.error as Error).message).toBe('first');
    expect(heard).toContain('first');
  });

  test('a stream that goes on writing after the answer is reported, and does not end the process', async () => {
    const app = appWith((_req, res, next) => {
      next(new Error('x'));
      res.write('late');
    });
    const faults = await faultsDuring(async () => {
      expect((await ask(app)).status).toBe(500);
    });
    expect(faults.map(({ where }) => where)).toEqual(['a write after the error answer']);
  });

  test('a client that left is answered 499, for the log', async () => {
    const recorder = recordExchanges();
    const { notFound, handler } = errors(production);
    const app = express().use(recorder.middleware);
    let begun: () => void;
    const arrived = new Promise<void>((resolve) => (begun = resolve));
    app.get('/', (req, res) => {
      const { signal } = exchangeOf(req, res);
      begun();
      return new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new DOMException('given up', 'AbortError')));
      });
    });
    const told = new Promise<ErrorMessage>((resolve) => {
      const listen = (message: unknown): void => {
        unsubscribe(ERRORS_CHANNEL, listen);
        resolve(message as ErrorMessage);
      };
      subscribe(ERRORS_CHANNEL, listen);
    });
    app.use(notFound, handler);
    const { port, close } = await serve(app);
    try {
      const socket = connect(port, '127.0.0.1', () =>
        socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
      );
      await arrived;
      socket.destroy();
      const { problem, outcome, exchange } = await told;
      expect(problem).toMatchObject({ status: 499, code: 'ERR_CLIENT_CLOSED' });
      expect(outcome).toBe('gone');
      expect(exchange.aborted).toBe(true);
    } finally {
      await close();
    }
  });

  test('whoever keeps answers hears how work failed after its client had gone', async () => {
    const { notFound, handler } = errors(production);
    const app = express();
    const heard = new Promise<[number, unknown]>((resolve) => {
      const stages = defineStages({
        unsent: (head, body) =>
          resolve([head.status, (JSON.parse(String(body)) as { code: unknown }).code]),
      });
      app.use((req, res, next) => {
        exchangeOf(req, res).tap(stages);
        next();
      });
    });
    let begun: () => void;
    const arrived = new Promise<void>((resolve) => (begun = resolve));
    app.get('/', async (req, res) => {
      const { signal } = exchangeOf(req, res);
      begun();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new ProblemError({ code: 'ERR_SOLD', status: 410, detail: 'Sold.', expose: true });
    });
    app.use(notFound, handler);
    const { port, close } = await serve(app);
    try {
      const socket = connect(port, '127.0.0.1', () =>
        socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
      );
      await arrived;
      socket.destroy();
      expect(await heard).toEqual([410, 'ERR_SOLD']);
    } finally {
      await close();
    }
  });

  test('work that was aborted for a reason is answered with the reason', async () => {
    const app = appWith((req, res) => {
      const exchange = exchangeOf(req, res);
      exchange.abort(
        new ProblemError({ code: 'ERR_DEADLINE', status: 503, detail: 'Too slow.', expose: true }),
      );
      throw new DOMException('aborted', 'AbortError');
    });
    expect(await documentFrom(app)).toMatchObject({ status: 503, code: 'ERR_DEADLINE' });
  });
});

describe('hooks', () => {
  test('onError and the channel hear of every error once, with exchange and problem', async () => {
    const heard: [unknown, Exchange, ProblemError][] = [];
    const messages: ErrorMessage[] = [];
    const listen = (message: unknown): void => void messages.push(message as ErrorMessage);
    subscribe(ERRORS_CHANNEL, listen);
    const error = new Error('x');
    const document = await documentFrom(
      throwing(error, { ...production, onError: (...all) => void heard.push(all) }),
    );
    unsubscribe(ERRORS_CHANNEL, listen);
    expect(heard).toHaveLength(1);
    const [told, exchange, problem] = heard[0]!;
    expect(told).toBe(error);
    expect(exchange.error).toBe(error);
    expect(exchange.id).toBe(document.errorId);
    expect(problem.status).toBe(500);
    expect(messages).toEqual([{ error, exchange, problem, outcome: 'answered' }]);
  });

  test.each<[string, Options]>([
    [
      'mapper that throws',
      {
        mappers: [
          () => {
            throw new Error('hook');
          },
        ],
      },
    ],
    ['mapper that answers nonsense', { mappers: [(() => 'nonsense') as never] }],
    [
      'onError that throws',
      {
        onError: () => {
          throw new Error('hook');
        },
      },
    ],
    [
      'onError that rejects',
      {
        onError: async () => {
          throw new Error('hook');
        },
      },
    ],
    [
      'renderer that throws',
      {
        renderers: {
          'application/problem+json': () => {
            throw new Error('hook');
          },
        },
      },
    ],
    [
      'renderer that answers nothing',
      { renderers: { 'application/problem+json': (() => undefined) as never } },
    ],
  ])('a %s is reported and the client gets the plain answer', async (_name, options) => {
    const faults = await faultsDuring(async () => {
      const answer = await ask(throwing(new Error('secret'), { ...production, ...options }));
      expect(answer.status).toBe(500);
      expect(await answer.json()).toMatchObject({ code: 'ERR_INTERNAL', status: 500 });
    });
    expect(faults).toHaveLength(1);
    expect(faults[0]!.where).toMatch(/^errors /);
  });

  test('the first mapper that knows an error wins, before the built-in ones', async () => {
    const mapped = (code: string) => () => new ProblemError({ code, status: 402, detail: 'x' });
    const options = {
      ...production,
      mappers: [() => undefined, mapped('ERR_ONE'), mapped('ERR_TWO')],
    };
    expect(
      await documentFrom(throwing(Object.assign(new Error(), { status: 400 }), options)),
    ).toMatchObject({
      code: 'ERR_ONE',
      status: 402,
    });
  });

  test('statistics count answers and sides', async () => {
    const made = errors(production);
    const app = express();
    app.get('/', () => {
      throw new Error('x');
    });
    app.use(made.notFound, made.handler);
    await ask(app);
    await ask(app, '/nowhere');
    expect(made.stats?.()).toMatchObject({
      answeredTotal: 2,
      clientErrorsTotal: 1,
      serverErrorsTotal: 1,
    });
  });

  test('the last server errors are remembered by their ids, newest first, and no more than twenty', async () => {
    const made = errors(production);
    const app = express();
    app.get('/broken/:id', () => {
      throw new Error('secret');
    });
    app.use(made.notFound, made.handler);
    await ask(app, '/nowhere');
    const { instance } = (await (await ask(app, '/broken/1')).json()) as { instance: string };
    const [newest, ...others] = made.stats!().recent as readonly Record<string, unknown>[];
    expect(others).toEqual([]);
    expect(newest).toEqual({
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      id: instance.replace('urn:uuid:', ''),
      traceId: undefined,
      method: 'GET',
      route: '/broken/:id',
      status: 500,
      code: 'ERR_INTERNAL',
    });
    for (let at = 2; at < 30; at++) await ask(app, `/broken/${at}`);
    expect(made.stats!().recent).toHaveLength(20);
  });

  test('error handlers of the user behind the routes see 404 first', async () => {
    const app = express();
    const { notFound, handler } = errors(production);
    const own: ErrorRequestHandler = (error: ProblemError, _req, res, next) => {
      if (error.code === 'ERR_NOT_FOUND') res.status(404).send('mine');
      else next(error);
    };
    app.use(notFound, own, handler);
    expect(await (await ask(app)).text()).toBe('mine');
  });
});

describe('not found and method not allowed', () => {
  const fine: RequestHandler = (_req, res) => void res.send('fine');

  function routed(): Application {
    const app = express();
    app.get('/items/:id', fine).delete('/items/:id', fine);
    app.route('/items').get(fine).post(fine);
    app.get(/^\/pattern\/\d+$/, fine);
    app.get(['/one', '/two'], fine);
    app.all('/declines', (_req, _res, next) => next());
    app.get('/passes', (_req, _res, next) => next());
    app.get('/files/*path', fine);
    app.get('/maybe{/:id}', fine);
    const nested = express.Router({ caseSensitive: true, strict: true });
    nested.put('/Deep', fine);
    nested.get('/', fine);
    app.use('/api/:version', express.Router().use('/nested', nested));
    return finish(app);
  }

  test.each([
    ['POST', '/items/1', 'GET, HEAD, DELETE, OPTIONS', '/items/:id'],
    ['POST', '/ITEMS/1/', 'GET, HEAD, DELETE, OPTIONS', '/items/:id'],
    ['DELETE', '/items', 'GET, POST, HEAD, OPTIONS', '/items'],
    ['POST', '/pattern/12', 'GET, HEAD, OPTIONS', '/^\\/pattern\\/\\d+$/'],
    ['POST', '/two', 'GET, HEAD, OPTIONS', '/two'],
    ['POST', '/files/a/b', 'GET, HEAD, OPTIONS', '/files/*path'],
    ['POST', '/maybe', 'GET, HEAD, OPTIONS', '/maybe{/:id}'],
    ['GET', '/api/v1/nested/Deep', 'PUT, OPTIONS', '/api/:version/nested/Deep'],
    ['POST', '/api/v1/nested/', 'GET, HEAD, OPTIONS', '/api/:version/nested'],
  ])('%s %s is 405 with Allow: %s (RFC 9110 §15.5.6)', async (method, path, allow, route) => {
    const recorder = recordExchanges();
    const app = express().use(recorder.middleware, routed());
    const answer = await ask(app, path, { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe(allow);
    expect(await answer.json()).toMatchObject({ code: 'ERR_METHOD_NOT_ALLOWED' });
    const [exchange] = await recorder.waitFor(1);
    expect(exchange!.route).toBe(route);
  });

  test.each([
    ['GET', '/nothing'],
    ['GET', '/items/1/2'],
    ['GET', '/declines'],
    ['GET', '/passes'],
    ['HEAD', '/nothing'],
    ['PUT', '/api/v1/nested/deep'],
    ['PUT', '/api/v1/nested/Deep/'],
    ['GET', '/apiv1/nested'],
    ['OPTIONS', '/nothing'],
  ])('%s %s is 404, and no route is remembered', async (method, path) => {
    const recorder = recordExchanges();
    const app = express().use(recorder.middleware, routed());
    const answer = await ask(app, path, { method });
    expect(answer.status).toBe(404);
    expect(answer.headers.get('allow')).toBeNull();
    const [exchange] = await recorder.waitFor(1);
    expect(exchange!.route).toBeUndefined();
    expect((exchange!.error as ProblemError).code).toBe('ERR_NOT_FOUND');
  });

  test('works for an app that is mounted, under the path it is mounted on', async () => {
    const outer = express().use('/v:n', routed());
    const answer = await ask(outer, '/v2/items/1', { method: 'POST' });
    expect(answer.headers.get('allow')).toBe('GET, HEAD, DELETE, OPTIONS');
  });

  test('works in a router, with the whole path', async () => {
    const app = express();
    const { notFound, handler } = errors(production);
    app.use('/api', express.Router().get('/x', fine).use(notFound));
    app.use(handler);
    expect((await ask(app, '/api/x', { method: 'POST' })).headers.get('allow')).toBe(
      'GET, HEAD, OPTIONS',
    );
    expect((await ask(app, '/api/y', { method: 'POST' })).status).toBe(404);
  });

  test('can be switched off: then it is 404', async () => {
    const app = finish(express().get('/x', fine), { ...production, methodNotAllowed: false });
    expect((await ask(app, '/x', { method: 'POST' })).status).toBe(404);
  });

  test('Allow tells the truth: OPTIONS and every method it names are answered', async () => {
    const { url, close } = await serve(routed());
    try {
      const refused = await fetch(`${url}/items`, { method: 'PATCH' });
      const allows = [refused.headers.get('allow')!];
      for (const method of allows[0]!.split(', ')) {
        const answer = await fetch(`${url}/items`, { method });
        expect(answer.ok).toBe(true);
        if (method === 'OPTIONS') allows.push(answer.headers.get('allow')!);
      }
      expect(allows[1]).toBe(allows[0]);
    } finally {
      await close();
    }
  });
});
