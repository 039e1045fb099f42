/** Several versions of an API from handlers that know the newest one, through a real server. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { cache } from '@org/cache';
import { defineMiddleware, exchangeOf, type Given, ProblemError, sendLines } from '@org/core';
import { fakeClock, serve } from '@org/core/testing';
import { setup } from '@org/setup';
import {
  type Change,
  defineChange,
  versioning,
  type Versioning,
  VERSIONING_CHANNEL,
  type VersioningEvent,
  type VersioningOptions,
} from '@org/versioning';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';

const DATED = ['2026-01-01', '2026-06-01', '2026-11-01'];

interface City {
  readonly name: string;
  readonly [member: string]: unknown;
}

/** In June `population` became an object, in November `name` became `names`. */
const CHANGES: readonly Change[] = [
  defineChange({
    version: '2026-11-01',
    description: 'A city has several names.',
    routes: ['/cities/:id', '/lines', '/echo'],
    request: {
      body: (body) => {
        const { name, ...rest } = body as City;
        return { ...rest, names: [name] };
      },
      query: ({ name, ...rest }) => (name === undefined ? rest : { ...rest, names: name }),
    },
    response: (value) => {
      const { names, ...rest } = value as { names: readonly string[] };
      return { ...rest, name: names[0] };
    },
    problem: (document) => ({ ...(document as object), error: 'since November' }),
  }),
  defineChange({
    version: '2026-06-01',
    description: 'The population says when it was counted.',
    request: {
      body: (body) => {
        const { population, ...rest } = body as City;
        return { ...rest, population: { count: population } };
      },
    },
    response: (value, { kind }) => {
      const { population, ...rest } = value as { population: { count: number } };
      return { ...rest, population: population.count, kind };
    },
  }),
];

const ATHENS = Object.freeze({
  names: Object.freeze(['Athens', 'Athína']),
  population: Object.freeze({ count: 664_046, year: 2011 }),
});

interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
  readonly text: string;
}

type Ask = (path: string, headers?: Record<string, string>, init?: RequestInit) => Promise<Asked>;

async function served(
  options: Given<VersioningOptions>,
  use: (ask: Ask, api: Versioning, port: number) => Promise<void>,
  how: 'app.use' | 'router' | 'setup' = 'app.use',
): Promise<void> {
  const made = versioning({ versions: DATED, changes: CHANGES, ...options } as VersioningOptions);
  const app: Express = express();
  const body = defineMiddleware({ name: 'body', phase: 'read', handle: express.json() });
  const stack = how === 'setup' ? setup(app, [...made, body]) : undefined;
  const routes = express.Router();
  if (how === 'app.use') app.use(express.json(), made);
  if (how === 'router') routes.use(express.json(), made);
  routes.get('/cities/:id', (_req, res) => void res.json(ATHENS));
  routes.get(
    '/plain',
    (req, res) => void res.json({ population: {}, url: req.url, query: req.query }),
  );
  routes.get('/lines', (_req, res) => sendLines(res, [ATHENS, ATHENS]));
  routes.get('/varies', (_req, res) => void res.vary('Origin').send('text'));
  routes.get('/text', (_req, res) => void res.type('json').send('{"population":{"count":1}}'));
  routes.get('/signed-in', (req, res) => {
    exchangeOf(req, res).principal = 'ada';
    res.json(ATHENS);
  });
  routes.get('/fails', () => {
    throw new ProblemError({ code: 'ERR_TEST', status: 409, detail: 'because' });
  });
  routes.get('/cities', (req, res) => void res.json({ population: {}, query: req.query }));
  routes.post(
    '/echo',
    (req, res) => void res.json({ names: ['x'], population: {}, got: req.body as unknown }),
  );
  app.use(how === 'router' ? '/mounted' : '/', routes);
  app.use(
    (error: Error & { status?: number }, _req: Request, res: Response, _next: NextFunction) =>
      void res.status(error.status ?? 500).json({
        code: (error as { code?: string }).code,
        message: error.message,
        ...(error as Partial<ProblemError>).extensions,
      }),
  );
  const server = stack === undefined ? await serve(app) : undefined;
  const listening = await stack?.listen(0, '127.0.0.1');
  const port = server?.port ?? (listening!.address() as { port: number }).port;
  try {
    await use(
      async (path, headers = {}, init = {}) => {
        const response = await fetch(`http://127.0.0.1:${port}${path}`, {
          ...init,
          headers: { connection: 'close', ...headers },
        });
        const text = await response.text();
        const isJson = /json$|json;/.test(response.headers.get('content-type') ?? '');
        return {
          status: response.status,
          headers: response.headers,
          text,
          body:
            isJson && text !== '' && !text.includes('\n')
              ? (JSON.parse(text) as Record<string, unknown>)
              : {},
        };
      },
      made[0],
      port,
    );
  } finally {
    await server?.close();
    await stack?.close();
  }
}

describe.each(['app.use', 'router', 'setup'] as const)('by %s', (how) => {
  const at = how === 'router' ? '/mounted' : '';
  // The patterns of changes are those of whole addresses.
  const changes = CHANGES.map((change) =>
    defineChange({
      ...change,
      ...(change.routes === undefined ? {} : { routes: change.routes.map((route) => at + route) }),
    }),
  );

  test('each version gets what it knows, and is told which one it got', async () => {
    await served(
      { changes },
      async (ask) => {
        const newest = await ask(`${at}/cities/1`, { 'api-version': '2026-11-01' });
        expect(newest.body).toEqual(ATHENS);
        expect(newest.headers.get('api-version')).toBe('2026-11-01');
        const june = await ask(`${at}/cities/1`, { 'api-version': '2026-06-01' });
        expect(june.body).toEqual({ name: 'Athens', population: ATHENS.population });
        const january = await ask(`${at}/cities/1`, { 'api-version': '2026-01-01' });
        expect(january.body).toEqual({ name: 'Athens', population: 664_046, kind: 'whole' });
        expect(january.headers.get('content-length')).toBe(String(Buffer.byteLength(january.text)));
        expect(
          new Set([newest, june, january].map(({ headers }) => headers.get('etag'))).size,
        ).toBe(3);
      },
      how,
    );
  });

  test('what an older client sends goes up through every change since', async () => {
    await served(
      { changes },
      async (ask) => {
        const post = {
          method: 'POST',
          body: JSON.stringify({ name: 'Athens', population: 664_046 }),
        };
        const headers = { 'content-type': 'application/json' };
        const { body } = await ask(`${at}/echo`, { ...headers, 'api-version': '2026-01-01' }, post);
        expect(body['got']).toEqual({ names: ['Athens'], population: { count: 664_046 } });
        const newest = await ask(`${at}/echo`, { ...headers, 'api-version': '2026-11-01' }, post);
        expect(newest.body['got']).toEqual({ name: 'Athens', population: 664_046 });
      },
      how,
    );
  });
});

describe('a version is asked for', () => {
  test.each<[string, string, Record<string, string>]>([
    ['in a header', '/cities/1', { 'api-version': '2026-06-01' }],
    ['in the path', '/2026-06-01/cities/1', {}],
    ['in the path, with a v', '/v2026-06-01/cities/1', {}],
    ['in the query', '/cities/1?api-version=2026-06-01', {}],
    [
      'in a media type',
      '/cities/1',
      { accept: 'text/html;q=0.1, application/json; version=2026-06-01' },
    ],
    ['in a quoted media type', '/cities/1', { accept: 'application/json;version="2026-06-01"' }],
    ["in a vendor's type", '/cities/1', { accept: 'application/vnd.acme.2026-06-01+json' }],
    [
      'by several that agree',
      '/v2026-06-01/cities/1?api-version=2026-06-01',
      { 'api-version': '2026-06-01' },
    ],
  ])('%s', async (_name, path, headers) => {
    await served({ vendor: 'acme' }, async (ask) => {
      const { status, body, headers: got } = await ask(path, headers);
      expect(status).toBe(200);
      expect(got.get('api-version')).toBe('2026-06-01');
      expect(body).toEqual({ name: 'Athens', population: ATHENS.population });
    });
  });

  test('by number', async () => {
    await served({ versions: [3, 10, 1], changes: [], default: 'latest' }, async (ask, api) => {
      expect(api.versions).toEqual(['1', '3', '10']);
      expect((await ask('/v3/plain')).headers.get('api-version')).toBe('3');
      expect((await ask('/plain')).headers.get('api-version')).toBe('10');
      expect((await ask('/plain', { 'api-version': '01' })).body['code']).toBe(
        'ERR_VERSION_INVALID',
      );
    });
  });

  test('behind a prefix, and handlers see addresses and queries without it', async () => {
    await served({ pathPrefix: '/api', changes: [] }, async (ask) => {
      // The prefix stays; only the version goes.
      const { status } = await ask('/api/v2026-06-01/plain?a=1');
      expect(status).toBe(404);
    });
    await served({ changes: [] }, async (ask) => {
      const { body } = await ask('/2026-06-01/plain?a=1&api-version=2026-06-01&b=2');
      expect(body).toMatchObject({ url: '/plain?a=1&b=2', query: { a: '1', b: '2' } });
      const alone = await ask('/plain?api-version=2026-06-01');
      expect(alone.body).toMatchObject({ url: '/plain', query: {} });
    });
  });

  test('in no place that is switched off', async () => {
    await served({ sources: ['header'], changes: [] }, async (ask) => {
      expect((await ask('/2026-06-01/plain')).status).toBe(404);
      const { body, headers } = await ask('/plain?api-version=2026-06-01');
      expect(body['query']).toEqual({ 'api-version': '2026-06-01' });
      expect(headers.get('api-version')).toBe('2026-01-01');
      expect(headers.get('vary')).toBe('API-Version');
    });
  });

  test('by nobody: the oldest, what the caller is pinned to, or what the team says', async () => {
    await served({}, async (ask) => {
      expect((await ask('/cities/1')).headers.get('api-version')).toBe('2026-01-01');
    });
    await served({ default: 'latest' }, async (ask) => {
      expect((await ask('/cities/1')).headers.get('api-version')).toBe('2026-11-01');
    });
    const pin = ({ req }: { req: Request }): string | undefined =>
      req.headers['x-api-key'] === 'june' ? '2026-06-01' : undefined;
    await served({ pin, default: '2026-11-01' }, async (ask) => {
      const pinned = await ask('/cities/1', { 'x-api-key': 'june' });
      expect(pinned.headers.get('api-version')).toBe('2026-06-01');
      expect(pinned.headers.get('vary')).toBe('API-Version, Accept, Authorization, X-API-Key');
      const other = await ask('/cities/1', { 'x-api-key': 'june', 'api-version': '2026-01-01' });
      expect(other.headers.get('api-version')).toBe('2026-01-01');
      expect((await ask('/cities/1')).headers.get('api-version')).toBe('2026-11-01');
    });
  });

  test('by nobody, and the pin is in a database', async () => {
    const pin = async ({ req }: { req: Request }): Promise<string | undefined> => {
      await Promise.resolve();
      if (req.get('x-api-key') === 'down') throw new Error('the database is away');
      return req.get('x-api-key');
    };
    await served({ pin }, async (ask) => {
      const june = await ask('/cities/1', { 'x-api-key': '2026-06-01' });
      expect(june.body).toEqual({ name: 'Athens', population: ATHENS.population });
      expect((await ask('/cities/1')).headers.get('api-version')).toBe('2026-01-01');
      const stated = { 'x-api-key': 'down', 'api-version': '2026-11-01' };
      expect((await ask('/cities/1', stated)).body).toEqual(ATHENS);
      const failed = await ask('/cities/1', { 'x-api-key': 'down' });
      expect([failed.status, failed.body['message']]).toEqual([500, 'the database is away']);
      const wrong = await ask('/cities/1', { 'x-api-key': '2020-01-01' });
      expect([wrong.status, wrong.body['message']]).toEqual([
        500,
        expect.stringContaining('"pin" answered 2020-01-01, which is none of 2026-01-01'),
      ]);
    });
  });

  test('and told in a header of another name, or in none', async () => {
    await served({ responseHeaderName: 'Content-Version' }, async (ask) => {
      const { headers } = await ask('/cities/1', { 'api-version': '2026-06-01' });
      expect([headers.get('content-version'), headers.get('api-version')]).toEqual([
        '2026-06-01',
        null,
      ]);
      expect(headers.get('vary')).toBe('API-Version, Accept');
    });
    await served({ responseHeaderName: false }, async (ask) => {
      expect((await ask('/cities/1')).headers.get('api-version')).toBeNull();
    });
  });

  test('and Vary keeps what the handler has put there (RFC 9110 §12.5.5)', async () => {
    await served({}, async (ask) => {
      expect((await ask('/varies')).headers.get('vary')).toBe('Origin, API-Version, Accept');
    });
  });

  test('in every spelling that routers understand, as in a target in absolute form (RFC 9112 §3.2.2)', async () => {
    await served({}, async (_ask, _api, port) => {
      const get = async (target: string): Promise<unknown> => {
        const sent = request({ port, host: '127.0.0.1', path: target, agent: false });
        sent.end();
        const [answer] = (await once(sent, 'response')) as [IncomingMessage];
        return JSON.parse(Buffer.concat(await answer.toArray()).toString()) as unknown;
      };
      const host = `http://127.0.0.1:${port}`;
      // A change of one route only is for this address as for any.
      expect(await get(`${host}/cities/1`)).toMatchObject({ name: 'Athens', population: 664_046 });
      expect(await get('/CITIES/1/#x')).toMatchObject({ name: 'Athens', population: 664_046 });
      expect(await get(`${host}/2026-11-01/cities/1`)).toEqual(ATHENS);
      expect(await get(`${host}?api-version=2020-01-01`)).toMatchObject({
        code: 'ERR_VERSION_UNKNOWN',
      });
    });
  });

  test('by HEAD, with the head of GET', async () => {
    await served({}, async (ask) => {
      const got = await ask('/cities/1', { 'api-version': '2026-01-01' });
      const head = await ask('/cities/1', { 'api-version': '2026-01-01' }, { method: 'HEAD' });
      for (const name of ['etag', 'content-length', 'api-version', 'vary']) {
        expect(head.headers.get(name)).toBe(got.headers.get(name));
      }
    });
  });

  test('with the tag of its own answer: 304 for that version, 200 for another', async () => {
    await served({}, async (ask) => {
      const etag = (await ask('/cities/1', { 'api-version': '2026-01-01' })).headers.get('etag')!;
      const same = {
        'api-version': '2026-01-01',
        'if-none-match': etag,
        'cache-control': 'max-age=0',
      };
      const confirmed = await ask('/cities/1', same);
      expect([confirmed.status, confirmed.headers.get('vary')]).toEqual([
        304,
        'API-Version, Accept',
      ]);
      const other = await ask('/cities/1', { ...same, 'api-version': '2026-06-01' });
      expect(other.status).toBe(200);
    });
  });

  test.each<[string, Record<string, string>, string, RegExp]>([
    ['/plain', { 'api-version': '2026-03-01' }, 'ERR_VERSION_UNKNOWN', /no version 2026-03-01/],
    ['/plain', { 'api-version': 'latest' }, 'ERR_VERSION_INVALID', /"latest" in the header/],
    ['/plain', { 'api-version': '2026-13-01' }, 'ERR_VERSION_INVALID', /"2026-13-01"/],
    ['/2026-03-01/plain', {}, 'ERR_VERSION_UNKNOWN', /2026-03-01/],
    ['/plain?api-version=', {}, 'ERR_VERSION_INVALID', /"" in the query/],
    ['/plain?api-version=%zz', {}, 'ERR_VERSION_INVALID', /%zz/],
    [
      '/plain?api-version=2026-01-01&api-version=2026-06-01',
      {},
      'ERR_VERSION_INVALID',
      /"2026-01-01, 2026-06-01" in the query/,
    ],
    [
      '/2026-06-01/plain',
      { 'api-version': '2026-11-01' },
      'ERR_VERSION_CONFLICT',
      /path asks for version 2026-06-01, the header for 2026-11-01/,
    ],
  ])('wrongly by %s %j: %s', async (path, headers, code, message) => {
    await served({}, async (ask) => {
      const { status, body } = await ask(path, headers);
      expect([status, body['code']]).toEqual([400, code]);
      expect(body['message']).toMatch(message);
      expect(body['versions']).toEqual(DATED);
    });
  });

  test('between two dates, which means the one before where that is wanted', async () => {
    await served({ match: 'floor' }, async (ask) => {
      const between = await ask('/cities/1', { 'api-version': '2026-10-31' });
      expect(between.headers.get('api-version')).toBe('2026-06-01');
      const before = await ask('/cities/1', { 'api-version': '2025-12-31' });
      expect(before.body['code']).toBe('ERR_VERSION_UNKNOWN');
    });
  });

  test.each([
    'application/json;version=2026-06-01;version',
    'application/json;version="2026-06-01',
    'a/b;version=1,'.repeat(1000),
    '*/*',
    'not a list; version=2026-06-01',
  ])('not by an Accept that is no list of media ranges: %#', async (accept) => {
    await served({ changes: [] }, async (ask) => {
      const { status, headers } = await ask('/plain', { accept });
      expect([status, headers.get('api-version')]).toEqual([200, '2026-01-01']);
    });
  });
});

describe('changes', () => {
  test('concern the routes that they name, in either order of writing', async () => {
    await served({ changes: CHANGES.toReversed() }, async (ask) => {
      const { body } = await ask('/cities/1', { 'api-version': '2026-01-01' });
      expect(body).toEqual({ name: 'Athens', population: 664_046, kind: 'whole' });
      const plain = await ask('/plain', { 'api-version': '2026-06-01' });
      expect(plain.body).not.toHaveProperty('name');
    });
  });

  test('carry queries up, also through the getter of Express 5', async () => {
    const change = defineChange({
      version: '2026-11-01',
      description: 'The filter has another name.',
      request: { query: ({ q, ...rest }) => ({ ...rest, name: q }) },
    });
    await served({ changes: [change] }, async (ask) => {
      const { body } = await ask('/cities?q=ath&limit=3', { 'api-version': '2026-06-01' });
      expect(body['query']).toEqual({ limit: '3', name: 'ath' });
      const newest = await ask('/cities?q=ath', { 'api-version': '2026-11-01' });
      expect(newest.body['query']).toEqual({ q: 'ath' });
    });
  });

  test('carry lines down one by one', async () => {
    await served({}, async (ask) => {
      const { text, headers } = await ask('/lines', { 'api-version': '2026-01-01' });
      expect(headers.get('content-type')).toBe('application/x-ndjson');
      expect(
        text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown),
      ).toEqual([1, 2].map(() => ({ name: 'Athens', population: 664_046, kind: 'line' })));
    });
  });

  test('carry the problem documents of errors down by functions of their own', async () => {
    const forAll = CHANGES.map((change) => defineChange({ ...change, routes: ['/fails'] }));
    const made = versioning({ versions: DATED, changes: forAll });
    const app = express();
    const stack = setup(app, made);
    app.get('/fails', () => {
      throw new ProblemError({ code: 'ERR_TEST', status: 409, detail: 'because' });
    });
    const server = await stack.listen(0, '127.0.0.1');
    const { port } = server.address() as { port: number };
    const ask = async (version: string): Promise<unknown> =>
      (
        await fetch(`http://127.0.0.1:${port}/fails`, {
          headers: { 'api-version': version, connection: 'close' },
        })
      ).json();
    expect(await ask('2026-06-01')).toMatchObject({ code: 'ERR_TEST', error: 'since November' });
    expect(await ask('2026-11-01')).not.toHaveProperty('error');
    await stack.close();
  });

  test('are put together once for all the lines of an answer', async () => {
    let asked = 0;
    const change = defineChange({
      version: '2026-11-01',
      description: 'Names.',
      routes: ['/lines'],
      response: (city: { readonly names: readonly string[] }, context) => {
        asked++;
        expect(context).toMatchObject({ version: '2026-06-01', kind: 'line' });
        return { name: city.names[0] };
      },
    });
    await served({ changes: [change] }, async (ask) => {
      const { text } = await ask('/lines', { 'api-version': '2026-06-01' });
      expect([text, asked]).toEqual(['{"name":"Athens"}\n{"name":"Athens"}\n', 2]);
    });
  });

  test('leave text, and an answer that nobody changes, as they are', async () => {
    await served({}, async (ask) => {
      const { text } = await ask('/text', { 'api-version': '2026-01-01' });
      expect(text).toBe('{"population":{"count":1}}');
    });
  });

  test('that throw reach the error handlers, on the way up and on the way down', async () => {
    const fails = (): never => {
      throw Object.assign(new Error('no such client'), { status: 422 });
    };
    const version = '2026-11-01';
    const up = defineChange({ version, description: 'Up.', request: { body: fails } });
    await served({ changes: [up] }, async (ask) => {
      const post = { method: 'POST', body: '{}' };
      const { status } = await ask('/echo', { 'content-type': 'application/json' }, post);
      expect(status).toBe(422);
      // Without a body there is nothing to carry.
      expect((await ask('/plain')).status).toBe(200);
    });
    const down = defineChange({ version, description: 'Down.', response: fails });
    await served({ changes: [down] }, async (ask) => {
      const { status, body } = await ask('/plain');
      expect([status, body['message']]).toEqual([422, 'no such client']);
    });
  });

  test('see an error that is answered by res.json as the problem that it is', async () => {
    const kinds: string[] = [];
    const change = defineChange({
      version: '2026-11-01',
      description: 'Errors have codes.',
      response: (value) => value,
      problem: (document: object, { kind }) => {
        kinds.push(kind);
        return { error: (document as { code: string }).code };
      },
    });
    await served({ changes: [change] }, async (ask) => {
      expect((await ask('/fails')).body).toEqual({ error: 'ERR_TEST' });
      expect(kinds).toEqual(['problem']);
    });
  });

  test('leave the values of handlers as they are', async () => {
    await served({}, async (ask) => {
      await ask('/cities/1', { 'api-version': '2026-01-01' });
      // Frozen all through: a change that wrote into it would have thrown.
      expect((await ask('/cities/1', { 'api-version': '2026-11-01' })).body).toEqual(ATHENS);
    });
  });

  test('are refused where they are wrong', () => {
    const description = 'Something.';
    const make = (change: Partial<Change>) => () =>
      versioning({ versions: DATED, changes: [change as Change] });
    expect(make({ version: '2026-07-01', description })).toThrow(
      /changes\[0\]: is of version "2026-07-01", which is none of/,
    );
    expect(make({ version: '2026-01-01', description })).toThrow(/the oldest/);
    expect(make({ version: '2026-06-01' })).toThrow(/changes\[0\]: needs "description"/);
    expect(make({ description })).toThrow(/needs "version"/);
    expect(make({ version: '2026-06-01', description: ' ' })).toThrow(/a sentence/);
    const typo = { version: '2026-06-01', description, reponse: () => 1 };
    expect(make(typo)).toThrow(/option "reponse" is unknown; did you mean "response"/);
    const deep = { version: '2026-06-01', description, request: { bodi: () => 1 } };
    expect(make(deep as never)).toThrow(/changes\[0\]\.request: option "bodi" is unknown/);
    expect(make({ version: '2026-06-01', description, routes: ['/*'] })).toThrow(/no path pattern/);
  });
});

describe('a version that ends', () => {
  const deprecated = {
    '2026-01-01': {
      deprecatedAt: '2026-11-01T00:00:00Z',
      sunsetAt: '2027-01-01T00:00:00Z',
      link: 'https://example.test/end',
      successor: '/cities',
      brownouts: [{ from: '2026-12-01T10:00:00Z', until: '2026-12-01T11:00:00Z' }],
    },
  };

  test('says so in Deprecation (RFC 9745 §2.1), Sunset (RFC 8594 §3) and Link', async () => {
    await served({ deprecated, clock: fakeClock(Date.UTC(2026, 10, 15)) }, async (ask) => {
      const { status, headers } = await ask('/cities/1');
      expect(status).toBe(200);
      expect(headers.get('deprecation')).toBe('@1793491200');
      expect(headers.get('sunset')).toBe('Fri, 01 Jan 2027 00:00:00 GMT');
      expect(headers.get('link')).toBe(
        '<https://example.test/end>; rel="deprecation", <https://example.test/end>; rel="sunset", </cities>; rel="successor-version"',
      );
      const newest = await ask('/cities/1', { 'api-version': '2026-11-01' });
      expect([newest.headers.get('deprecation'), newest.headers.get('sunset')]).toEqual([
        null,
        null,
      ]);
    });
  });

  test('may end when it is deprecated, and links neither where none are given', async () => {
    const at = '2026-11-01T00:00:00+01:00';
    const both = { '2026-01-01': { deprecatedAt: at, sunsetAt: new Date(at) } };
    await served({ deprecated: both, clock: fakeClock(0) }, async (ask) => {
      const { headers } = await ask('/cities/1');
      expect(headers.get('deprecation')).toBe('@1793487600');
      expect(headers.get('sunset')).toBe('Sat, 31 Oct 2026 23:00:00 GMT');
      expect(headers.get('link')).toBeNull();
    });
  });

  test('is away during a brownout, and nobody else is', async () => {
    const clock = fakeClock(Date.UTC(2026, 11, 1, 9, 59, 59));
    await served({ deprecated, clock }, async (ask, api) => {
      expect((await ask('/cities/1')).status).toBe(200);
      clock.advance(1000);
      const away = await ask('/cities/1');
      expect([away.status, away.body['code']]).toEqual([503, 'ERR_VERSION_BROWNOUT']);
      // The announcement stands on the refusal, too.
      expect(away.headers.get('deprecation')).toBe('@1793491200');
      expect((await ask('/cities/1', { 'api-version': '2026-11-01' })).status).toBe(200);
      clock.advance(3_600_000);
      expect((await ask('/cities/1')).status).toBe(200);
      expect(api.stats?.()).toMatchObject({ refusedTotal: { brownout: 1 } });
    });
  });

  test('says when a brownout is over in Retry-After (RFC 9110 §10.2.3), in a problem document', async () => {
    const clock = fakeClock(Date.UTC(2026, 11, 1, 10, 30, 0, 1));
    const app = express();
    const stack = setup(app, versioning({ versions: DATED, deprecated, clock }));
    const server = await stack.listen(0, '127.0.0.1');
    const { port } = server.address() as { port: number };
    const away = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
    expect(away.status).toBe(503);
    // To the end of it, and no second before.
    expect(away.headers.get('retry-after')).toBe('1800');
    expect(away.headers.get('content-type')).toBe('application/problem+json');
    expect(await away.json()).toMatchObject({
      code: 'ERR_VERSION_BROWNOUT',
      version: '2026-01-01',
      latest: '2026-11-01',
    });
    await stack.close();
  });

  test('is served after its sunset, or gone with 410, as the team says', async () => {
    const clock = fakeClock(Date.UTC(2027, 0, 1));
    await served({ deprecated, clock }, async (ask) => {
      expect((await ask('/cities/1')).status).toBe(200);
    });
    await served({ deprecated, clock, afterSunset: 'gone' }, async (ask) => {
      const { status, body } = await ask('/cities/1');
      expect([status, body['code'], body['latest']]).toEqual([
        410,
        'ERR_VERSION_GONE',
        '2026-11-01',
      ]);
    });
  });

  test('is counted by who still asks for it, without their secrets', async () => {
    const events: VersioningEvent[] = [];
    const onEvent = (event: VersioningEvent): void => void events.push(event);
    const clock = fakeClock(Date.UTC(2026, 10, 15));
    await served({ deprecated, clock, onEvent }, async (ask, api) => {
      await ask('/cities/1', { 'x-api-key': 'secret-one' });
      await ask('/cities/1', { 'x-api-key': 'secret-two' });
      clock.advance(1000);
      await ask('/cities/1', { 'x-api-key': 'secret-one' });
      await ask('/cities/1');
      await ask('/cities/1', { 'x-api-key': 'secret-one', 'api-version': '2026-11-01' });
      const [january, june, november] = api.usage();
      const lastAt = Date.UTC(2026, 10, 15, 0, 0, 1);
      expect(january).toEqual({
        version: '2026-01-01',
        requestsTotal: 4,
        lastAt,
        consumers: [
          { consumer: expect.stringMatching(/^[\w-]{43}$/), requestsTotal: 2, lastAt },
          {
            consumer: expect.stringMatching(/^[\w-]{43}$/),
            requestsTotal: 1,
            lastAt: lastAt - 1000,
          },
        ],
        othersTotal: 0,
      });
      expect(june).toMatchObject({ requestsTotal: 0, lastAt: undefined });
      expect(november).toMatchObject({ requestsTotal: 1, lastAt, consumers: [] });
      expect(JSON.stringify([api.usage(), api.stats?.()])).not.toContain('secret');
      expect(events.map(({ type }) => type)).toEqual(Array(4).fill('deprecated'));
      expect(events[0]).toMatchObject({ consumer: january!.consumers[0]!.consumer });
      expect(events[3]).toMatchObject({ consumer: undefined });
    });
  });

  test('is counted by the principal, although that is known to the handler only', async () => {
    await served({ deprecated, clock: fakeClock(Date.UTC(2026, 10, 15)) }, async (ask, api) => {
      await ask('/signed-in', { 'x-api-key': 'secret' });
      expect(api.usage()[0]!.consumers).toMatchObject([{ consumer: 'ada', requestsTotal: 1 }]);
    });
  });

  test('is counted for every version, for none, and by names of one’s own', async () => {
    const consumer = ({ req }: { req: Request }): string | undefined => req.get('x-team');
    for (const [countConsumers, counted] of [
      ['all', [[{ consumer: 'a', requestsTotal: 1 }], [], [{ consumer: 'b', requestsTotal: 1 }]]],
      ['deprecated', [[{ consumer: 'a', requestsTotal: 1 }], [], []]],
      ['none', [[], [], []]],
    ] as const) {
      await served({ deprecated, countConsumers, consumer }, async (ask, api) => {
        await ask('/cities/1', { 'x-team': 'a' });
        await ask('/cities/1', { 'x-team': 'b', 'api-version': '2026-11-01' });
        await ask('/cities/1');
        expect(api.usage().map(({ consumers }) => consumers)).toMatchObject(counted);
      });
    }
  });

  test('tells its refusals on the diagnostics channel', async () => {
    const heard: unknown[] = [];
    const listen = (event: unknown): void => void heard.push(event);
    subscribe(VERSIONING_CHANNEL, listen);
    await served(
      { deprecated, afterSunset: 'gone', clock: fakeClock(Date.UTC(2027, 0, 1)) },
      async (ask) => {
        await ask('/cities/1');
        await ask('/cities/1', { 'api-version': '1' });
      },
    );
    unsubscribe(VERSIONING_CHANNEL, listen);
    expect(heard).toMatchObject([
      { type: 'refused', reason: 'gone' },
      { type: 'deprecated', version: '2026-01-01' },
      { type: 'refused', reason: 'invalid' },
    ]);
  });

  test.each<[Record<string, unknown>, RegExp]>([
    [
      { '2026-11-01': { deprecatedAt: '2027-01-01T00:00:00Z' } },
      /names "2026-11-01", which must be a version before the newest/,
    ],
    [{ '2026-01-01': { deprecatedAt: '2027-01-01' } }, /must be a Date, or a time such as/],
    [
      { '2026-01-01': { deprecatedAt: '2027-01-01T00:00:00Z', sunsetAt: '2026-01-01T00:00:00Z' } },
      /"sunsetAt" must not be before/,
    ],
    [
      { '2026-01-01': { deprecatedAt: '2027-01-01T00:00:00Z', link: 'a b>' } },
      /"link" must be an address/,
    ],
    [
      { '2026-01-01': { deprecatedAt: '2027-01-01T00:00:00Z', sunset: '' } },
      /sunset, which is unknown/,
    ],
    [
      {
        '2026-01-01': {
          deprecatedAt: '2027-01-01T00:00:00Z',
          brownouts: [{ from: '2027-01-02T00:00:00Z', until: '2027-01-01T00:00:00Z' }],
        },
      },
      /must be after its "from"/,
    ],
    [
      {
        '2026-01-01': {
          deprecatedAt: '2027-01-01T00:00:00Z',
          brownouts: [{ from: '2026-12-01T00:00:00Z', until: '2026-12-02T00:00:00Z' }],
        },
      },
      /must not be before "deprecatedAt"/,
    ],
  ])('is refused at construction where it is wrong: %j', (wrong, message) => {
    expect(() =>
      versioning({ versions: DATED, deprecated: wrong } as unknown as VersioningOptions),
    ).toThrow(message);
  });
});

test('a cache below keeps one answer for each version, also of callers that are pinned', async () => {
  let asked = 0;
  const pin = ({ req }: { req: Request }): string | undefined => req.get('x-client');
  const cached = cache({ cacheStatus: false });
  const app = express();
  const stack = setup(app, [
    cached,
    versioning({ versions: DATED, changes: CHANGES, pin, pinHeaders: [] }),
  ]);
  app.get('/cities/:id', (_req, res) => {
    asked++;
    res.json(ATHENS);
  });
  const server = await stack.listen(0, '127.0.0.1');
  const { port } = server.address() as { port: number };
  const ask = async (version: string): Promise<unknown> =>
    (
      await fetch(`http://127.0.0.1:${port}/cities/1`, {
        headers: { 'x-client': version, connection: 'close' },
      })
    ).json();
  for (const round of [1, 2]) {
    expect(await ask('2026-01-01')).toMatchObject({ name: 'Athens', population: 664_046 });
    expect(await ask('2026-11-01')).toEqual(ATHENS);
    expect([round, asked]).toEqual([round, 2]);
  }
  await stack.close();
});

describe('what is known of the versions', () => {
  test('is a changelog that comes from the changes', () => {
    const [api] = versioning({
      versions: DATED,
      changes: CHANGES,
      deprecated: { '2026-01-01': { deprecatedAt: '2026-11-01T00:00:00Z' } },
    });
    const changelog = api.changelog();
    expect(changelog.entries.map(({ version, status }) => [version, status])).toEqual([
      ['2026-11-01', 'latest'],
      ['2026-06-01', 'supported'],
      ['2026-01-01', 'deprecated'],
    ]);
    expect(String(changelog)).toBe(
      [
        '## 2026-11-01',
        '',
        '- A city has several names. (`/cities/:id`, `/lines`, `/echo`)',
        '',
        '## 2026-06-01',
        '',
        '- The population says when it was counted.',
        '',
        '## 2026-01-01',
        '',
        'Deprecated as of 2026-11-01.',
        '',
        '- The first version.',
        '',
      ].join('\n'),
    );
  });

  test('is answered as JSON or as Markdown, in every version alike', async () => {
    const [api, requests] = versioning({ versions: DATED, changes: CHANGES });
    const app = express();
    app.use(api, requests);
    app.get('/versions', api.changelogHandler);
    const { url, close } = await serve(app);
    const ask = (accept: string) => fetch(`${url}/versions`, { headers: { accept } });
    const json = await ask('application/json');
    expect(json.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await json.json()).toEqual({ versions: api.changelog().entries });
    const markdown = await ask('text/markdown');
    expect(markdown.headers.get('content-type')).toBe('text/markdown; charset=utf-8');
    expect(await markdown.text()).toBe(String(api.changelog()));
    expect((await ask('image/png')).status).toBe(406);
    await close();
  });

  test.each<[Partial<VersioningOptions>, RegExp]>([
    [{ versions: [] }, /"versions" is needed/],
    [{ versions: ['2026-01-01', 2] }, /all dates|list of dates/],
    [{ versions: ['2026-01-01', '2026-01-01'] }, /twice/],
    [{ versions: ['2026-02-99'] }, /list of dates/],
    [{ versions: [1], default: 2 }, /"default" must be/],
    [{ versions: [1], sources: ['header', 'header'] }, /at most once/],
  ])('must make sense: %j', (options, message) => {
    expect(() => versioning(options as VersioningOptions)).toThrow(message);
  });
});

test('what a cache fetches by itself is nobody’s use', async () => {
  const clock = fakeClock();
  const cached = cache({ ttlMs: 1000, jitterRatio: 0, staleWhileRevalidateMs: 60_000, clock });
  const [api, requests] = versioning({ versions: [1, 2], countConsumers: 'all' });
  const app = express();
  const stack = setup(app, [cached, api, requests]);
  let calls = 0;
  let refreshed = (): void => undefined;
  const twice = new Promise<void>((resolve) => (refreshed = resolve));
  app.get('/', (_req, res) => {
    res.json({});
    if (++calls === 2) refreshed();
  });
  const server = await stack.listen(0, '127.0.0.1');
  const { port } = server.address() as { port: number };
  const ask = () => fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
  await ask();
  clock.advance(2000);
  await ask();
  await twice;
  expect(api.usage()[0]).toMatchObject({ requestsTotal: 2 });
  await stack.close();
});

test('shapes are chosen from what clients of a version know: transform stands before it', () => {
  const transform = defineMiddleware({ name: 'transform', phase: 'shape', step: () => undefined });
  const stack = setup(express(), [...versioning({ versions: [1, 2] }), transform]);
  const names = stack.explain().rows.map(({ name }) => name);
  expect(names.indexOf('transform')).toBeLessThan(names.indexOf('versioning'));
});
