/** Answers shaped by declaration, through a real server. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import {
  answerProblem,
  defineMiddleware,
  exchangeOf,
  type Given,
  ProblemError,
  sendLines,
} from '@org/core';
import { serve } from '@org/core/testing';
import { setup } from '@org/setup';
import { transform, type TransformOptions } from '@org/transform';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) frozen(member);
    Object.freeze(value);
  }
  return value;
}

/** Frozen all through: whoever wrote into it would throw. */
const CITY = frozen({
  id: 1,
  fullName: 'Athens',
  country: { code: 'GR', name: 'Greece', dialingCode: 30 },
  location: { latitude: 37.983_76, longitude: 23.727_84 },
  mayor: { name: 'N. N.', eMail: 'secret@example.test' },
  names: { el: 'Αθήνα', en_GB: 'Athens' },
  foundedAt: new Date('2026-11-01T00:00:00.000Z'),
  HTTPStatus: 200,
});
const PAGE = frozen({ items: [CITY, CITY], next: '/cities?after=2', total: 2 });

type Ask = (
  path: string,
  headers?: Record<string, string>,
) => Promise<{ status: number; headers: Headers; text: string; body: never }>;

async function served(
  options: Given<TransformOptions>,
  use: (ask: Ask, reached: string[]) => Promise<void>,
  routes: (app: Express) => void = () => undefined,
): Promise<void> {
  const app = express();
  const reached: string[] = [];
  app.use(transform(options));
  app.use((req, _res, next) => {
    reached.push(req.path);
    next();
  });
  routes(app);
  app.get('/cities/:id', (_req, res) => void res.json(CITY));
  app.get('/cities', (_req, res) => void res.json(PAGE));
  app.get('/lines', (_req, res) => sendLines(res, [CITY, CITY]));
  app.get('/problem', (_req, res) =>
    answerProblem(res, new ProblemError({ code: 'ERR_TEST', status: 409, detail: 'because' })),
  );
  app.get('/text', (_req, res) => void res.send('{"fullName":"as it is"}'));
  app.use(
    (error: Error & { status?: number }, _req: Request, res: Response, _next: NextFunction) =>
      void res.status(error.status ?? 500).json({
        code: (error as { code?: string }).code,
        detail: error.message,
      }),
  );
  const { url, close } = await serve(app);
  try {
    await use(async (path, headers = {}) => {
      const answer = await fetch(url + path, { headers });
      const text = await answer.text();
      const isJson = /json$|json;/.test(answer.headers.get('content-type') ?? '');
      const body = (isJson && !text.includes('\n') ? JSON.parse(text) : undefined) as never;
      return { status: answer.status, headers: answer.headers, text, body };
    }, reached);
  } finally {
    await close();
  }
}

describe('a client chooses members', () => {
  test('by names with dots, of objects and of what lists contain', async () => {
    await served({ shape: { fields: true } }, async (ask) => {
      expect((await ask('/cities/1?fields=id,country.code,nowhere')).body).toEqual({
        id: 1,
        country: { code: 'GR' },
      });
      expect((await ask('/cities?fields=next,items.id')).body).toEqual({
        items: [{ id: 1 }, { id: 1 }],
        next: '/cities?after=2',
      });
      expect((await ask('/cities/1')).body).toEqual(JSON.parse(JSON.stringify(CITY)));
    });
  });

  test('within the place where the resource lies, and beside it nothing is lost', async () => {
    const options = { shape: { fields: { at: 'items', always: ['id'], parameter: 'only' } } };
    await served(options, async (ask) => {
      expect((await ask('/cities?only=fullName')).body).toEqual({
        items: [1, 2].map(() => ({ id: 1, fullName: 'Athens' })),
        next: '/cities?after=2',
        total: 2,
      });
    });
  });

  test('by the names that it sees, and of each line', async () => {
    await served({ shape: { fields: true, case: 'snake' } }, async (ask) => {
      expect((await ask('/cities/1?fields=full_name,country.dialing_code')).body).toEqual({
        full_name: 'Athens',
        country: { dialing_code: 30 },
      });
      expect((await ask('/lines?fields=id')).text).toBe('{"id":1}\n{"id":1}\n');
    });
  });

  test.each([
    ['?fields=', /from 1 to 100 names/],
    ['?fields=a&fields=b', /one list of names/],
    ['?fields=a%20b', /is no name/],
    ['?fields=a..b', /is no name/],
    ['?fields=__proto__.x', undefined],
    [`?fields=${'a.'.repeat(20)}a`, /up to 8 of them/],
    [
      `?fields=${Array.from({ length: 150 }, (_, at) => `f${at}`).join(',')}`,
      /from 1 to 100 names/,
    ],
    [`?fields=${'x'.repeat(3000)}`, /at most 2000 characters/],
  ])('%s is judged before the handler runs', async (query, detail) => {
    await served({ shape: { fields: true } }, async (ask, reached) => {
      const { status, body } = await ask(`/cities/1${query}`);
      expect(status).toBe(detail === undefined ? 200 : 400);
      expect(JSON.stringify(body)).toMatch(detail ?? /^\{\}$/);
      expect(reached).toHaveLength(detail === undefined ? 1 : 0);
    });
  });

  test('among those that are known, where they are told', async () => {
    const known = ['id', 'fullName', 'country.code'];
    await served({ shape: { fields: { known } } }, async (ask) => {
      expect((await ask('/cities/1?fields=id,country.code')).status).toBe(200);
      const { status, body } = await ask('/cities/1?fields=id,population,country.mayor');
      expect([status, body]).toEqual([
        400,
        {
          code: 'ERR_FIELDS_UNKNOWN',
          detail: '"fields" has population, country.mayor, which is not there.',
        },
      ]);
    });
  });
});

describe('names', () => {
  test.each<['camel' | 'snake' | 'kebab', string[]]>([
    ['snake', ['full_name', 'dialing_code', 'e_mail', 'founded_at', 'http_status', 'en_gb']],
    ['kebab', ['full-name', 'dialing-code', 'e-mail', 'founded-at', 'http-status', 'en-gb']],
    ['camel', ['fullName', 'dialingCode', 'eMail', 'foundedAt', 'httpStatus', 'enGb']],
  ])('are written in %s case, all the way down', async (style, names) => {
    await served({ shape: { case: style } }, async (ask) => {
      const { text } = await ask('/cities');
      for (const name of names) expect(text).toContain(`"${name}":`);
    });
  });

  test('that are data stay', async () => {
    await served({ shape: { case: 'kebab', dictionaries: ['names'] } }, async (ask) => {
      expect((await ask('/cities/1')).body).toMatchObject({
        names: CITY.names,
        'full-name': 'Athens',
      });
    });
  });

  test('of no words, of another script and of objects stay what they are', async () => {
    await served(
      { shape: { case: 'snake' } },
      async (ask) => {
        const { text } = await ask('/odd');
        expect(text).toBe('{"_links":1,"Πόλη":2,"__proto__":{"is_admin":true},"a1b2":3}');
      },
      (app) =>
        app.get(
          '/odd',
          (_req, res) =>
            void res.json(
              JSON.parse('{"_links":1,"Πόλη":2,"__proto__":{"isAdmin":true},"a1b2":3}'),
            ),
        ),
    );
  });
});

describe('members', () => {
  test('are taken away or masked, also by any name', async () => {
    await served({ shape: { redact: ['mayor', 'country.*'] } }, async (ask) => {
      const { body } = await ask('/cities/1');
      expect(body).not.toHaveProperty('mayor');
      expect(body).toMatchObject({ country: {} });
    });
    await served({ shape: { redact: ['items.mayor.eMail'], mask: '***' } }, async (ask) => {
      const { text } = await ask('/cities');
      expect(text).not.toContain('secret');
      expect(text).toContain('"eMail":"***"');
    });
  });

  test('are dates and numbers of another form', async () => {
    const shape = { dates: 'unix-s', decimals: { 'location.*': 2 } } as const;
    await served({ shape }, async (ask) => {
      expect((await ask('/cities/1')).body).toMatchObject({
        foundedAt: 1_793_491_200,
        location: { latitude: 37.98, longitude: 23.73 },
      });
    });
  });

  test('get links, with what stands in addresses coded', async () => {
    const links = {
      self: { at: 'items', href: '/cities/{id}' },
      search: { at: 'items', href: '/search?q={fullName}&by={nowhere}' },
      country: { at: 'items.country', href: '/countries/{code}' },
    };
    await served({ shape: { links } }, async (ask) => {
      expect((await ask('/cities')).body).toMatchObject({
        items: [
          { links: { self: '/cities/1' }, country: { links: { country: '/countries/GR' } } },
          { links: { self: '/cities/1' } },
        ],
      });
    });
  });
});

describe('the whole', () => {
  test('stands in an envelope, problems and lines do not', async () => {
    const envelope = {
      name: 'result',
      meta: (value: unknown) => ({ count: Object.keys(value as object).length }),
    };
    await served({ shape: { envelope } }, async (ask) => {
      expect((await ask('/cities/1')).body).toMatchObject({
        result: { id: 1 },
        meta: { count: 8 },
      });
      expect((await ask('/problem')).body).toMatchObject({ code: 'ERR_TEST', status: 409 });
      expect((await ask('/lines')).text).toMatch(/^\{"id":1/);
    });
    await served({ shape: { envelope: true } }, async (ask) => {
      expect(Object.keys((await ask('/cities/1')).body)).toEqual(['data']);
    });
  });

  test('tells where its page stands (RFC 8288)', async () => {
    const pagination = (
      value: unknown,
    ): { links: Record<string, string | null>; total: number } => {
      const { next, total } = value as typeof PAGE;
      const last = '/cities?after=a%2Fb%3D&q="\uD800"';
      return { links: { next, prev: null, first: '/cities?q=São', last }, total };
    };
    await served({ shape: { pagination, envelope: true } }, async (ask) => {
      const { headers } = await ask('/cities');
      expect(headers.get('link')).toBe(
        '</cities?after=2>; rel="next", </cities?q=S%C3%A3o>; rel="first", ' +
          // What is coded already stays as it is: another cursor would not be understood.
          '</cities?after=a%2Fb%3D&q=%22%EF%BF%BD%22>; rel="last"',
      );
      expect(headers.get('x-total-count')).toBe('2');
    });
  });

  test('tells of its page from the places where the value has it, whatever is chosen of it', async () => {
    const shape = {
      pagination: { next: 'next', prev: 'pages.prev', total: 'total' },
      fields: true,
      case: 'kebab',
    } as const;
    await served({ shape }, async (ask) => {
      const { headers, body } = await ask('/cities?fields=items.id');
      expect(headers.get('link')).toBe('</cities?after=2>; rel="next"');
      expect(headers.get('x-total-count')).toBe('2');
      expect(body).toEqual({ items: [{ id: 1 }, { id: 1 }] });
      const none = await ask('/cities/1');
      expect([none.headers.get('link'), none.headers.get('x-total-count')]).toEqual([null, null]);
      expect((await ask('/lines')).headers.get('link')).toBeNull();
    });
  });

  test('adds to the links that the handler has set', async () => {
    await served(
      { shape: { pagination: { next: 'next' } } },
      async (ask) => {
        expect((await ask('/own')).headers.get('link')).toBe(
          '</help>; rel="help", </b>; rel="next"',
        );
      },
      (app) =>
        app.get('/own', (_req, res) => void res.links({ help: '/help' }).json({ next: '/b' })),
    );
  });

  test('has the same head for HEAD as for GET', async () => {
    const shape = { fields: true, case: 'snake', pagination: { total: 'total' } } as const;
    const app = express();
    app.use(transform({ shape }));
    app.get('/', (_req, res) => void res.json(PAGE));
    const { url, close } = await serve(app);
    const heads = await Promise.all(
      ['GET', 'HEAD'].map(async (method) => {
        const answer = await fetch(`${url}/?fields=items.full_name`, { method });
        await answer.text();
        return [...answer.headers].filter(
          ([name]) => !['date', 'connection', 'keep-alive'].includes(name),
        );
      }),
    );
    expect(heads[0]).toContainEqual(['x-total-count', '2']);
    expect(heads[0]).toContainEqual(['content-length', '57']);
    expect(heads[1]).toEqual(heads[0]);
    await close();
  });

  test('has the length and the ETag of what is sent, and a 304 for who has it', async () => {
    await served({ shape: { fields: true, case: 'snake' } }, async (ask) => {
      const [all, some] = [await ask('/cities/1'), await ask('/cities/1?fields=id')];
      for (const { headers, text } of [all, some]) {
        expect(headers.get('content-length')).toBe(String(Buffer.byteLength(text)));
      }
      expect(all.headers.get('etag')).not.toBe(some.headers.get('etag'));
      // A browser that asks again says so, which Express takes for a wish to have it anew.
      const again = await ask('/cities/1?fields=id', {
        'if-none-match': some.headers.get('etag')!,
        'cache-control': 'max-age=0',
      });
      expect(again.status).toBe(304);
    });
  });

  test('is shaped by its route and by the version of the API, and text is not', async () => {
    const versions = { '2': { case: 'kebab' } } as const;
    const app = express();
    const stack = setup(app, [
      transform({
        shape: { case: 'snake', versions },
        routes: { '/raw': false, '/kept/:id': { redact: ['mayor'] } },
      }),
    ]);
    app.use((req, res, next) => {
      const version = req.get('x-version');
      if (version !== undefined) {
        (req as unknown as Record<symbol, { version: string }>)[
          Symbol.for('@org/exchange')
        ]!.version = version;
      }
      next();
    });
    app.get(['/raw', '/kept/1', '/general'], (_req, res) => void res.json(CITY));
    app.get('/text', (_req, res) => void res.send('{"fullName":"as it is"}'));
    const server = await stack.listen(0, '127.0.0.1');
    const { port } = server.address() as { port: number };
    const ask = async (path: string, headers: Record<string, string> = {}): Promise<string> =>
      (
        await fetch(`http://127.0.0.1:${port}${path}`, {
          headers: { connection: 'close', ...headers },
        })
      ).text();
    expect(await ask('/general')).toContain('"full_name"');
    expect(await ask('/general', { 'x-version': '2' })).toContain('"full-name"');
    expect(await ask('/raw')).toContain('"fullName"');
    expect(await ask('/kept/1')).toMatch(/^(?=.*"fullName")(?!.*"mayor")/);
    expect(await ask('/text')).toBe('{"fullName":"as it is"}');
    await stack.close();
  });

  test('is shaped by its route in every spelling that routers understand', async () => {
    const shape = { redact: ['mayor'], fields: true } as const;
    const made = transform({ routes: { '/me': shape, '/sub/me': shape } });
    const app = express();
    // Takes a version off the address, behind transform, as versioning does.
    const versioning = defineMiddleware({
      name: 'versioning',
      phase: 'shape',
      step({ req }) {
        req.url = req.url.replace(/^\/v\d(?=\/)/, '');
      },
    });
    const stack = setup(app, [made, versioning]);
    app.get('/me', (_req, res) => void res.json(CITY));
    app.use(
      '/sub',
      express.Router().get('/me', (_req, res) => void res.json(CITY)),
    );
    const server = await stack.listen(0, '127.0.0.1');
    const { port } = server.address() as { port: number };
    const ask = async (target: string): Promise<Record<string, unknown>> => {
      const sent = request({ port, host: '127.0.0.1', path: target, agent: false }).end();
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      return JSON.parse(Buffer.concat(await answer.toArray()).toString()) as never;
    };
    for (const target of [
      '/me',
      '/ME/',
      '/v2/me',
      `http://127.0.0.1:${port}/me`,
      '/me#x',
      '/sub/me',
    ]) {
      const all = await ask(target);
      expect([target, all['id'], all['mayor']]).toEqual([target, 1, undefined]);
    }
    expect(await ask('/v2/me?fields=id')).toEqual({ id: 1 });
    await stack.close();
  });

  test('is shaped by the address and the version of its answer, in front of what changes them', async () => {
    const known = { redact: ['mayor'], fields: { known: ['id'] } } as const;
    const app = express();
    app.use(transform({ routes: { '/me': { redact: ['mayor'], versions: { '2': known } } } }));
    app.use((req, res, next) => {
      const version = /^\/v(\d)(?=\/)/.exec(req.url);
      exchangeOf(req, res).version = version?.[1];
      req.url = req.url.slice(version?.[0].length ?? 0);
      next();
    });
    app.get('/me', (_req, res) => void res.json(CITY));
    app.use((error: ProblemError, _req: Request, res: Response, _next: NextFunction) =>
      answerProblem(res, error),
    );
    const { url, close } = await serve(app);
    const ask = async (path: string): Promise<unknown> => (await fetch(url + path)).json();
    expect(await ask('/v1/me')).toMatchObject({ id: 1 });
    expect(await ask('/v1/me')).not.toHaveProperty('mayor');
    expect(await ask('/v2/me?fields=id')).toEqual({ id: 1 });
    expect(await ask('/v2/me?fields=fullName')).toMatchObject({ code: 'ERR_FIELDS_UNKNOWN' });
    await close();
  });

  test('in a sub-router is shaped by its whole address', async () => {
    const app = express();
    const router = express.Router();
    router.use(transform({ routes: { '/api/me': { redact: ['mayor'] } } }));
    router.get('/me', (_req, res) => void res.json(CITY));
    app.use('/api', router);
    const { url, close } = await serve(app);
    expect(await (await fetch(`${url}/api/me`)).json()).not.toHaveProperty('mayor');
    await close();
  });

  test('of a version has the choice of that version', async () => {
    const shape = { fields: false, versions: { '2': { fields: { known: ['id'] } } } } as const;
    const app = express();
    app.use((req, res, next) => {
      exchangeOf(req, res).version = req.get('x-version');
      next();
    });
    app.use(transform({ shape }));
    app.get('/', (_req, res) => void res.json({ id: 1, name: 'Athens' }));
    app.use(
      (error: { status: number }, _req: Request, res: Response, _next: NextFunction) =>
        void res.status(error.status).json({}),
    );
    const { url, close } = await serve(app);
    const ask = (query: string, version: string): Promise<globalThis.Response> =>
      fetch(url + query, { headers: { 'x-version': version } });
    expect(await (await ask('/?fields=id', '2')).json()).toEqual({ id: 1 });
    expect((await ask('/?fields=name', '2')).status).toBe(400);
    expect(await (await ask('/?fields=id', '1')).json()).toEqual({ id: 1, name: 'Athens' });
    await close();
  });

  test('of an answer from 400 keeps its secrets, and gets nothing else', async () => {
    const shape = {
      redact: ['**.eMail'],
      case: 'snake',
      fields: true,
      envelope: true,
      links: { self: { href: '/cities/{id}' } },
      pagination: () => ({ total: 1 }),
    } as const;
    const problem = { type: 'about:blank', errorCode: 1, eMail: 'shown' };
    await served(
      { shape },
      async (ask) => {
        const taken = await ask('/taken?fields=nothing');
        expect(taken.body).toMatchObject({ full_name: 'Athens', mayor: { name: 'N. N.' } });
        expect(taken.text).not.toMatch(/secret|links|data/);
        expect(taken.headers.get('x-total-count')).toBeNull();
        expect((await ask('/by-hand')).body).toEqual(problem);
      },
      (app) => {
        app.get('/taken', (_req, res) => void res.status(409).json(CITY));
        app.get(
          '/by-hand',
          (_req, res) => void res.status(409).type('application/problem+json').json(problem),
        );
      },
    );
  });

  test('of an error is shaped only where that is asked for', async () => {
    await served({ shape: { case: 'kebab', redact: ['detail'], problems: true } }, async (ask) => {
      expect((await ask('/problem')).body).toEqual({
        type: 'about:blank',
        title: 'Conflict',
        status: 409,
        code: 'ERR_TEST',
      });
    });
  });
});

describe('a value', () => {
  test('that nothing changes is the very same', async () => {
    const given: unknown[] = [];
    const app = express();
    app.use(transform({ shape: { fields: true, redact: ['nowhere.at.all'] } }));
    app.get('/', (_req, res) => {
      const { stringify } = JSON;
      JSON.stringify = ((value: unknown, ...rest: []) => {
        given.push(value);
        return stringify(value, ...rest);
      }) as typeof stringify;
      const value = { deep: { list: [1, { a: 1 }] } };
      res.json(value);
      JSON.stringify = stringify;
      given.push(value);
    });
    const { url, close } = await serve(app);
    await fetch(url);
    await close();
    expect(given[0]).toBe(given.at(-1));
  });

  test('that contains itself, or is too deep or too large, is an error that says so', async () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    await served(
      { shape: { case: 'snake' }, maxNodes: 1000 },
      async (ask) => {
        const { status, body } = await ask('/circle');
        expect([status, body]).toEqual([
          500,
          {
            code: 'ERR_TRANSFORM_DEPTH',
            detail: 'A value that is to be shaped is deeper than 64, or contains itself.',
          },
        ]);
        expect((await ask('/large')).body).toMatchObject({ code: 'ERR_TRANSFORM_SIZE' });
      },
      (app) => {
        app.get('/circle', (_req, res) => void res.json(circle));
        app.get('/large', (_req, res) => void res.json(Array.from({ length: 2000 }, () => 1)));
      },
    );
  });

  test('of a sequence is sent, shaped, before the next is there', async () => {
    let sendSecond = (): void => undefined;
    const second = new Promise<void>((resolve) => (sendSecond = resolve));
    const app = express();
    app.use(transform({ shape: { case: 'snake', envelope: true, redact: ['mayor'] } }));
    app.get('/', (_req, res) =>
      sendLines(
        res,
        (async function* lines() {
          yield CITY;
          await second;
          yield { ...CITY, id: 2 };
        })(),
      ),
    );
    const { url, close } = await serve(app);
    const reader = (await fetch(url)).body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.endsWith('\n')) text += (await reader.read()).value;
    expect(JSON.parse(text)).toMatchObject({ id: 1, full_name: 'Athens' });
    sendSecond();
    text = '';
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    expect(JSON.parse(text)).toMatchObject({ id: 2, full_name: 'Athens' });
    expect(text).not.toContain('mayor');
    await close();
  });

  test('with a BigInt is a text where that is said, and else the error that JSON has for it', async () => {
    const bigints = (app: Express): void =>
      void app.get('/big', (_req, res) => void res.json({ bigId: 2n ** 64n }));
    await served(
      { shape: { bigints: 'text' } },
      async (ask) => expect((await ask('/big')).body).toEqual({ bigId: '18446744073709551616' }),
      bigints,
    );
    await served(
      { shape: { case: 'snake' } },
      async (ask) => {
        const { status, body } = await ask('/big');
        expect(status).toBe(500);
        expect(body).toMatchObject({ detail: expect.stringContaining('BigInt') });
      },
      bigints,
    );
  });

  test('that writes itself is shaped as it writes itself', async () => {
    class Money {
      readonly amount = 5;
      toJSON(): object {
        return { amountInCents: 500 };
      }
    }
    await served(
      { shape: { case: 'snake' } },
      async (ask) => {
        expect((await ask('/money')).body).toEqual({
          the_price: { amount_in_cents: 500 },
          an_empty: {},
        });
      },
      (app) =>
        app.get(
          '/money',
          (_req, res) => void res.json({ thePrice: new Money(), anEmpty: new Map([[1, 2]]) }),
        ),
    );
  });
});

test.each<[unknown, RegExp]>([
  [
    { shape: { cases: 'snake' } },
    /transform: shape: option "cases" is unknown; did you mean "case"/,
  ],
  [
    { routes: { '/a': { redact: ['a..b'] } } },
    /route "\/a": option "redact" must be a list, each a path/,
  ],
  [{ routes: { '/a/*': {} } }, /no path pattern of Express/],
  [{ shape: { links: { self: { hreff: '/a' } } } }, /links "self": option "hreff" is unknown/],
  [
    { shape: { versions: { '1': { dates: 'epoch' } } } },
    /version "1": option "dates" must be one of/,
  ],
  [{ shape: { links: { self: { at: 'items' } } } }, /links "self": option "href" is missing/],
  [{ shape: { redact: ['a.**.b'] } }, /option "redact" must be a list, each a path/],
  [{ shape: { redact: ['**.a.b'] } }, /option "redact" must be a list, each a path/],
  [{ shape: { dates: { at: 'epoch' } } }, /option "dates" must be one of/],
  [{ shape: { fixed: { price: 99 } } }, /option "fixed" must be an object, each value/],
  [{ shape: { pagination: { nxt: 'next' } } }, /pagination: option "nxt" is unknown/],
  [{ shape: { fields: { know: [] } } }, /fields: option "know" is unknown; did you mean "known"/],
  [{ shape: { envelope: { name: '' } } }, /envelope: option "name" must be/],
])('options that are wrong are refused by name: %j', (options, message) => {
  expect(() => transform(options as never)).toThrow(message);
});

test('what was shaped, refused and could not be shaped is counted, by each instance for itself', async () => {
  const [made] = transform({ shape: { fields: true }, maxDepth: 2 });
  const instance = transform({ shape: { fields: true }, maxDepth: 2 });
  const app = express();
  app.use(instance);
  app.get('/', (_req, res) => void res.json({ id: 1, deep: { deep: {} } }));
  app.use(
    (error: { status?: number }, _req: Request, res: Response, _next: NextFunction) =>
      void res.status(error.status ?? 500).send('error'),
  );
  const { url, close } = await serve(app);
  for (const query of ['', '?fields=id', '?fields=deep.deep.no', '?fields=,']) {
    await (await fetch(url + query)).text();
  }
  expect(instance[0].stats?.()).toEqual({ shapedTotal: 2, failedTotal: 1, refusedTotal: 1 });
  expect(made.stats?.()).toEqual({ shapedTotal: 0, failedTotal: 0, refusedTotal: 0 });
  await close();
});
