/** Conditions before the handler (RFC 9110 §13), HEAD without GET, and what both leave to the handler. */
import express, { type ErrorRequestHandler, type Express } from 'express';
import * as fc from 'fast-check';
import { cache } from '@org/cache';
import { defineMiddleware, ProblemError } from '@org/core';
import { serve } from '@org/core/testing';
import {
  conditionalAnswers,
  type ConditionalOptions,
  earlyReturn,
  type EarlyReturnEvent,
  type Validator,
} from '@org/early-return';
import { setup } from '@org/setup';

const MODIFIED = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
const DATE = 'Fri, 02 Jan 2026 03:04:05 GMT';
const EARLIER = 'Fri, 02 Jan 2026 03:04:04 GMT';
const LATER = 'Fri, 02 Jan 2026 03:04:06 GMT';

/** An app whose handlers count how often they run. */
function appWith(
  options: Partial<ConditionalOptions>,
  answer: express.RequestHandler = (req, res) => void res.json({ method: req.method }),
): { app: Express; runs: () => number } {
  let count = 0;
  const app = express();
  app.use(conditionalAnswers(options));
  app.all('/cities/:id', (req, res, next) => {
    count++;
    return answer(req, res, next);
  });
  app.use(((error: ProblemError, _req, res, _next) => {
    res
      .status(error.status ?? 500)
      .set(error.headers ?? {})
      .json({ code: error.code, message: error.message });
  }) as ErrorRequestHandler);
  return { app, runs: () => count };
}

async function ask(app: Express, init: RequestInit = {}, path = '/cities/7'): Promise<Response> {
  const { url, close } = await serve(app);
  try {
    const answer = await fetch(url + path, init);
    const body = await answer.arrayBuffer();
    return new Response(answer.status === 304 || answer.status === 204 ? null : body, {
      status: answer.status,
      headers: answer.headers,
    });
  } finally {
    await close();
  }
}

const tagged = (etag: Validator['etag']): Partial<ConditionalOptions> => ({
  validators: { '/cities/:id': { etag: etag! } },
});

describe('the conditions of RFC 9110 §13, in their order', () => {
  const both: Validator = { etag: () => 'v7', lastModified: () => MODIFIED };

  test.each<[string, string, Record<string, string>, number]>([
    ['§13.1.2: the tag is the one', 'GET', { 'If-None-Match': '"v7"' }, 304],
    ['§13.1.2: compared weakly', 'GET', { 'If-None-Match': 'W/"v7"' }, 304],
    ['§13.1.2: one of several', 'HEAD', { 'If-None-Match': '"a", "v7"' }, 304],
    ['§13.1.2: anything', 'GET', { 'If-None-Match': '*' }, 304],
    ['§13.1.2: another', 'GET', { 'If-None-Match': '"v6"' }, 200],
    ['§13.1.2: no tag at all', 'GET', { 'If-None-Match': 'v7' }, 200],
    ['§13.1.2: of what changes', 'PUT', { 'If-None-Match': '"v7"' }, 412],
    ['§13.1.2: create only', 'PUT', { 'If-None-Match': '*' }, 412],
    ['§13.1.2: of what changes, another', 'PUT', { 'If-None-Match': '"v6"' }, 200],
    ['§13.1.1: the tag is the one', 'PUT', { 'If-Match': '"v7"' }, 200],
    ['§13.1.1: compared strongly', 'PUT', { 'If-Match': 'W/"v7"' }, 412],
    ['§13.1.1: another', 'DELETE', { 'If-Match': '"v6"' }, 412],
    ['§13.1.1: anything', 'PATCH', { 'If-Match': '*' }, 200],
    ['§13.1.1: of GET too', 'GET', { 'If-Match': '"v6"' }, 412],
    ['§13.1.3: not since', 'GET', { 'If-Modified-Since': DATE }, 304],
    ['§13.1.3: not since later', 'HEAD', { 'If-Modified-Since': LATER }, 304],
    ['§13.1.3: since', 'GET', { 'If-Modified-Since': EARLIER }, 200],
    ['§13.1.3: no date', 'GET', { 'If-Modified-Since': '2026-01-02' }, 200],
    ['§13.1.3: not of other methods', 'POST', { 'If-Modified-Since': LATER }, 200],
    ['§13.1.4: not since', 'PUT', { 'If-Unmodified-Since': DATE }, 200],
    ['§13.1.4: since', 'PUT', { 'If-Unmodified-Since': EARLIER }, 412],
    ['§13.1.4: no date', 'PUT', { 'If-Unmodified-Since': 'yesterday' }, 200],
    [
      '§13.2.2: If-Match before the date',
      'PUT',
      { 'If-Match': '"v7"', 'If-Unmodified-Since': EARLIER },
      200,
    ],
    [
      '§13.2.2: If-Match before If-None-Match',
      'GET',
      { 'If-Match': '"v6"', 'If-None-Match': '"v7"' },
      412,
    ],
    ['§13.2.2: both hold', 'GET', { 'If-Match': '"v7"', 'If-None-Match': '"v7"' }, 304],
    [
      '§13.2.2: the tag before the date',
      'GET',
      { 'If-None-Match': '"v6"', 'If-Modified-Since': LATER },
      200,
    ],
    [
      '§13.2.2: the date before the tag',
      'GET',
      { 'If-Unmodified-Since': EARLIER, 'If-None-Match': '"v7"' },
      412,
    ],
    ['§13.2.1: not of OPTIONS', 'OPTIONS', { 'If-Match': '"v6"' }, 200],
    ["§13.1.5: ranges are the handler's", 'GET', { Range: 'bytes=0-1', 'If-Range': '"v6"' }, 200],
  ])('%s (%s)', async (_rule, method, headers, status) => {
    const { app, runs } = appWith({ validators: { '/cities/:id': both } });
    const answer = await ask(app, { method, headers });
    expect(answer.status).toBe(status);
    expect(runs()).toBe(status === 200 ? 1 : 0);
    const { code } = (status === 412 ? await answer.json() : {}) as { code?: string };
    expect(code).toBe(status === 412 ? 'ERR_PRECONDITION_FAILED' : undefined);
  });

  test.each<[string, string, Record<string, string>, number]>([
    ['If-Match of anything fails', 'PUT', { 'If-Match': '*' }, 412],
    ['If-Match of a version fails', 'PUT', { 'If-Match': '"v7"' }, 412],
    ['If-None-Match of anything holds: it may be made', 'PUT', { 'If-None-Match': '*' }, 200],
    ['If-Unmodified-Since fails', 'PUT', { 'If-Unmodified-Since': LATER }, 412],
    ['and a read goes on to its 404', 'GET', { 'If-None-Match': '*' }, 200],
  ])('of what is not there: %s', async (_rule, method, headers, status) => {
    const { app } = appWith(tagged(() => null));
    const answer = await ask(app, { method, headers });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('etag')).not.toBe('"null"');
  });

  test.each<[string, Validator, Record<string, string>]>([
    ['a version, where nothing is said', { etag: () => undefined }, { 'If-Match': '"a"' }],
    ['a version, where only the date is', { lastModified: () => MODIFIED }, { 'If-Match': '"a"' }],
    ['a date, where only the version is', { etag: () => 1 }, { 'If-Unmodified-Since': EARLIER }],
    [
      'a tag, where only the date is',
      { lastModified: () => MODIFIED },
      { 'If-None-Match': '"a"', 'If-Modified-Since': LATER },
    ],
  ])('what is not known decides nothing: %s', async (_what, validator, headers) => {
    const { app, runs } = appWith({ validators: { '/cities/:id': validator } });
    expect((await ask(app, { headers })).status).toBe(200);
    expect(runs()).toBe(1);
  });

  test('a client that repeats what it was told gets 304, whatever the version (property)', async () => {
    const version = fc.oneof(
      fc.integer(),
      fc.stringMatching(/^[!#-~]{0,20}$/),
      fc.bigInt(0n, 2n ** 80n),
    );
    await fc.assert(
      fc.asyncProperty(version, async (one) => {
        const { app } = appWith(tagged(() => one));
        const etag = (await ask(app)).headers.get('etag')!;
        expect(etag).toBe(`"${one}"`);
        expect((await ask(app, { headers: { 'If-None-Match': etag } })).status).toBe(304);
        expect((await ask(app, { method: 'PUT', headers: { 'If-Match': etag } })).status).toBe(200);
        expect((await ask(app, { headers: { 'If-None-Match': `"${one}x"` } })).status).toBe(200);
      }),
      { numRuns: 15 },
    );
  });
});

describe('the answer and its 304 agree', () => {
  const headers = {
    'Cache-Control': 'private, max-age=5',
    Vary: 'Accept, Origin',
    'Content-Location': '/cities/7',
  };
  const validator: Validator = { etag: () => 'W/"7"', lastModified: () => MODIFIED, headers };

  test('304 repeats what it must, and no more (RFC 9110 §15.4.5)', async () => {
    const { app } = appWith({ validators: { '/cities/:id': validator } });
    const full = await ask(app);
    const not = await ask(app, { headers: { 'If-None-Match': full.headers.get('etag')! } });
    expect(not.status).toBe(304);
    for (const name of ['etag', 'cache-control', 'vary', 'content-location']) {
      expect([name, not.headers.get(name)]).toEqual([name, full.headers.get(name)]);
      expect(not.headers.get(name)).not.toBeNull();
    }
    expect(not.headers.get('date')).not.toBeNull();
    expect(full.headers.get('last-modified')).toBe(DATE);
    for (const name of ['last-modified', 'content-type', 'content-length']) {
      expect(not.headers.get(name)).toBeNull();
    }
  });

  test('without a tag the 304 has the date', async () => {
    const { app } = appWith({ validators: { '/cities/:id': { lastModified: () => +MODIFIED } } });
    const not = await ask(app, { headers: { 'If-Modified-Since': DATE } });
    expect([not.status, not.headers.get('last-modified')]).toEqual([304, DATE]);
  });

  test.each([404, 301, 500])(
    'an answer of %d is not told from by what is true of the resource',
    async (status) => {
      const { app } = appWith({ validators: { '/cities/:id': validator } }, (_req, res) => {
        res.status(status).json({});
      });
      const answer = await ask(app, { redirect: 'manual' });
      expect(answer.status).toBe(status);
      for (const name of ['etag', 'last-modified', 'cache-control', 'content-location']) {
        expect([name, answer.headers.get(name)]).toEqual([name, null]);
      }
    },
  );

  test('what the handler says itself stays', async () => {
    const { app } = appWith({ validators: { '/cities/:id': validator } }, (_req, res) => {
      res.status(404).set({ ETag: '"own"', 'Cache-Control': 'no-store' }).json({});
    });
    const answer = await ask(app);
    expect([answer.headers.get('etag'), answer.headers.get('cache-control')]).toEqual([
      '"own"',
      'no-store',
    ]);
  });

  test('what changes something gets no tag: it would be that of before', async () => {
    const { app } = appWith(
      tagged(() => 'v7'),
      (_req, res) => void res.status(204).end(),
    );
    const answer = await ask(app, { method: 'PUT', headers: { 'If-Match': '"v7"' } });
    expect([answer.status, answer.headers.get('etag')]).toEqual([204, null]);
  });

  test('a failure is not kept by a cache behind for as long as the resource would be', async () => {
    const app = express();
    let status = 404;
    const stack = setup(app, [
      cache(),
      earlyReturn({
        validators: { '/x': { etag: () => 1, headers: { 'Cache-Control': 'max-age=60' } } },
      }),
    ]);
    app.get('/x', (_req, res) => void res.status(status).send(String(status)));
    const { url, close } = await serve(app);
    try {
      expect((await fetch(`${url}/x`)).status).toBe(404);
      status = 200;
      const fresh = await fetch(`${url}/x`);
      expect([fresh.status, fresh.headers.get('etag')]).toEqual([200, '"1"']);
      status = 500;
      expect((await fetch(`${url}/x`)).status).toBe(200);
    } finally {
      await close();
      await stack.close();
    }
  });
});

describe('validators', () => {
  test('get the parameters of their pattern, decoded', async () => {
    const seen: unknown[] = [];
    const options: Partial<ConditionalOptions> = {
      validators: {
        '/cities/:id': {
          etag: (req, params) => {
            seen.push([req.path, params['id']]);
            return 1;
          },
        },
        '/*rest': { etag: (_req, { rest }) => void seen.push(rest) },
      },
    };
    const { app } = appWith(options);
    await ask(app, {}, '/cities/S%C3%A3o?x=1');
    await ask(app, {}, '/a/b/c');
    await ask(app, {}, '/cities/%E0');
    expect(seen).toEqual([['/cities/S%C3%A3o', 'São'], 'a/b/c']);
  });

  test('may answer later, and reject: that goes to the error handlers', async () => {
    const late = appWith(tagged(async () => 'v7'));
    expect((await ask(late.app, { headers: { 'If-None-Match': '"v7"' } })).status).toBe(304);
    expect((await ask(late.app)).headers.get('etag')).toBe('"v7"');
    for (const etag of [
      () => Promise.reject(new ProblemError({ code: 'ERR_X', status: 503, detail: 'down' })),
      (): never => {
        throw new ProblemError({ code: 'ERR_X', status: 503, detail: 'down' });
      },
    ]) {
      const { app, runs } = appWith(tagged(etag));
      expect((await ask(app)).status).toBe(503);
      expect(runs()).toBe(0);
    }
  });

  test('are not asked of what changes something without a condition', async () => {
    let asked = 0;
    const { app } = appWith(tagged(() => ++asked));
    await ask(app, { method: 'PUT' });
    expect(asked).toBe(0);
    await ask(app, { method: 'PUT', headers: { 'If-Match': '*' } });
    expect(asked).toBe(1);
  });

  test.each(['a b', 'a"b', 'ü\u0100', 'a\r\nb'])(
    'a version of %j is an error that says so',
    async (version) => {
      const { app } = appWith(tagged(() => version));
      const answer = await ask(app);
      expect(answer.status).toBe(500);
      expect(await answer.json()).toMatchObject({ message: expect.stringContaining('entity-tag') });
    },
  );

  test('a long body that is refused ends its connection, a short one does not', async () => {
    const { app } = appWith({ ...tagged(() => 'v7'), maxDrainBytes: 10 });
    const put = (body: string): RequestInit => ({
      method: 'PUT',
      headers: { 'If-Match': '"v6"' },
      body,
    });
    const long = await ask(app, put('x'.repeat(11)));
    expect([long.status, long.headers.get('connection')]).toEqual([412, 'close']);
    const short = await ask(app, put('x'.repeat(10)));
    expect([short.status, short.headers.get('connection')]).toEqual([412, 'keep-alive']);
  });

  test.each([
    [{ validators: { '/x': {} } }],
    [{ validators: { '/x': { etag: 'v7' } } }],
    [{ validators: { '/x': { etag: () => 1, heders: {} } } }],
    [{ validators: { '/x/:': { etag: () => 1 } } }],
    [{ head: { '/x': {} } }],
  ])('wrong ones are refused: %j', (options) => {
    expect(() => earlyReturn(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION' }),
    );
  });
});

describe('HEAD without GET', () => {
  const head = (
    headers: () => Record<string, string> | undefined,
  ): Partial<ConditionalOptions> => ({
    head: { '/cities/:id': headers },
  });

  test('answers with the headers that are given, and the handler does not run', async () => {
    const { app, runs } = appWith({
      ...tagged(() => 'v7'),
      ...head(() => ({ 'Content-Length': '42', 'Content-Type': 'a/b' })),
    });
    const answer = await ask(app, { method: 'HEAD' });
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-length': '42',
      'content-type': 'a/b',
      etag: '"v7"',
    });
    expect(runs()).toBe(0);
  });

  test('conditions come first', async () => {
    const { app, runs } = appWith({ ...tagged(() => 'v7'), ...head(() => ({})) });
    expect((await ask(app, { method: 'HEAD', headers: { 'If-None-Match': '"v7"' } })).status).toBe(
      304,
    );
    expect((await ask(app, { method: 'HEAD', headers: { 'If-Match': '"v6"' } })).status).toBe(412);
    expect(runs()).toBe(0);
  });

  test.each<[string, Partial<ConditionalOptions>, RequestInit]>([
    ['it says nothing', head(() => undefined), { method: 'HEAD' }],
    [
      'there is no such resource',
      { ...tagged(() => null), ...head(() => ({})) },
      { method: 'HEAD' },
    ],
    ['no pattern matches', { head: { '/other': () => ({}) } }, { method: 'HEAD' }],
    ['it is a GET', head(() => ({})), {}],
  ])('GET runs where %s', async (_what, options, init) => {
    const { app, runs } = appWith(options);
    expect((await ask(app, init)).status).toBe(200);
    expect(runs()).toBe(1);
  });

  test('may answer later', async () => {
    const { app, runs } = appWith({
      head: { '/cities/:id': async (_req, { id }) => ({ 'X-Id': id! }) },
    });
    expect((await ask(app, { method: 'HEAD' })).headers.get('x-id')).toBe('7');
    expect(runs()).toBe(0);
  });
});

test('nobody learns of a resource whom the phase "protect" turns away', async () => {
  const app = express();
  const guard: express.RequestHandler = (req, res, next) => {
    if (req.headers.authorization === undefined) res.sendStatus(401);
    else next();
  };
  const stack = setup(app, [
    earlyReturn({ validators: { '/x': { etag: () => 'v7' } } }),
    defineMiddleware({ name: 'guard', phase: 'protect', handle: guard }),
  ]);
  app.get('/x', (_req, res) => void res.send('x'));
  const { url, close } = await serve(app);
  try {
    const headers = { 'If-None-Match': '"v7"' };
    expect((await fetch(`${url}/x`, { headers })).status).toBe(401);
    expect((await fetch(`${url}/x`, { headers: { ...headers, Authorization: 'x' } })).status).toBe(
      304,
    );
  } finally {
    await close();
    await stack.close();
  }
});

test('events and statistics tell of what was answered', async () => {
  const heard: EarlyReturnEvent[] = [];
  const conditional = conditionalAnswers({
    ...tagged(() => 'v7'),
    head: { '/cities/:id': () => ({}) },
    onEvent: (event) => void heard.push(event),
  });
  const app = express().use(conditional);
  for (const init of [
    { headers: { 'If-None-Match': '"v7"' } },
    { method: 'HEAD' },
    { method: 'PUT', headers: { 'If-Match': '"v6"' } },
    {},
  ]) {
    await ask(app, init);
  }
  const path = '/cities/:id';
  expect(heard).toMatchObject([
    { type: 'not-modified', status: 304, path },
    { type: 'head', status: 200, path },
    { type: 'precondition-failed', status: 412, path },
  ]);
  expect(heard[0]!.exchange.route).toBe(path);
  expect(conditional.stats!()).toEqual({
    notModifiedTotal: 1,
    preconditionFailedTotal: 1,
    headTotal: 1,
  });
});
