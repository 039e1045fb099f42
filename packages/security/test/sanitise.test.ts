import { assert as check, property, anything, object } from 'fast-check';
import express, { type Express, type RequestHandler } from 'express';
import { answerProblem, ProblemError } from '@org/core';
import { serve, type Served } from '@org/core/testing';
import { sanitise, type SanitiseOptions } from '@org/security';

let served: Served | undefined;
afterEach(async () => {
  await served?.close();
  served = undefined;
});

async function start(
  options: Partial<SanitiseOptions>,
  handler: RequestHandler = (req, res) => void res.json(req.sanitised),
): Promise<string> {
  const app: Express = express();
  app.set('query parser', 'extended');
  app.use(express.json(), express.urlencoded({ extended: true }));
  app.use(sanitise(options));
  app.all('/:id', (req, res, next) => {
    if (handler.length > 2) handler(req, res, next);
    else void handler(req, res, next);
  });
  app.use(((error, _req, res, _next) => {
    if (error instanceof ProblemError) answerProblem(res, error);
    else res.status(500).send(String(error));
  }) satisfies express.ErrorRequestHandler);
  served = await serve(app);
  return served.url;
}

function post(url: string, body: string, type = 'application/json'): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'Content-Type': type }, body });
}

describe('a copy', () => {
  test('has no key that leads to a prototype, at any depth', async () => {
    const url = await start({});
    const body =
      '{"a":1,"__proto__":{"x":1},"b":[{"constructor":{"prototype":{"x":1}},"prototype":2,"c":{"__proto__":3,"d":null}}]}';
    const answer = await post(`${url}/7?ok=1&a[constructor]=2&a[b]=3`, body);
    expect(await answer.json()).toEqual({
      query: { ok: '1', a: { b: '3' } },
      params: { id: '7' },
      body: { a: 1, b: [{ c: { d: null } }] },
    });
  });

  test('has no operator and no path of a document store, unless it may', async () => {
    const body = '{"user":{"$ne":null},"a.b":1,"price$":2,"c":{"$where":"1","d":3}}';
    const clean = await post(`${await start({})}/1`, body);
    expect(await clean.json()).toMatchObject({ body: { user: {}, price$: 2, c: { d: 3 } } });
    await served!.close();
    const kept = await post(`${await start({ dropOperators: false })}/1`, body);
    expect(await kept.json()).toMatchObject({ body: JSON.parse(body) as object });
  });

  test('stands beside the original, which stays as it was sent', async () => {
    const url = await start({}, (req, res) => {
      void req.sanitised.body;
      res.json({ original: req.body as unknown, copy: req.sanitised.body as unknown });
    });
    const answer = await post(`${url}/1`, '{"a":{"$gt":1}}');
    expect(await answer.json()).toEqual({ original: { a: { $gt: 1 } }, copy: { a: {} } });
  });

  test('is made when it is read, once, and anew for what has changed', async () => {
    const guard = sanitise();
    const req = {
      url: '/?a=1',
      query: { a: '1' },
      params: { id: '1' },
      headers: {},
      body: { $a: 1 },
    };
    void guard.step!({ req } as never);
    const { sanitised } = req as never as {
      sanitised: Record<'query' | 'body' | 'params', object>;
    };
    expect(guard.stats!()).toEqual({ copiesTotal: 0, droppedKeysTotal: 0 });
    const { body } = sanitised;
    expect(sanitised.body).toBe(body);
    expect(sanitised.query).toBe(sanitised.query);
    expect(guard.stats!()).toEqual({ copiesTotal: 2, droppedKeysTotal: 1 });
    req.params = { id: '2' };
    req.url = '/?a=2';
    req.query = { a: '2' };
    expect([sanitised.params, sanitised.query]).toEqual([{ id: '2' }, { a: '2' }]);
  });

  test('passes on what is no data of JSON’s, and the absence of a body', async () => {
    const guard = sanitise();
    const bytes = Buffer.from('x');
    const req = { body: { bytes, when: new Date(0) } as object | undefined, headers: {} };
    void guard.step!({ req } as never);
    const { sanitised } = req as never as { sanitised: { body: { bytes: Buffer } | undefined } };
    expect(sanitised.body!.bytes).toBe(bytes);
    req.body = undefined;
    expect(sanitised.body).toBeUndefined();
  });

  test('of anything never has a dangerous key, and of what is harmless is equal', () => {
    const guard = sanitise({ maxDepth: 1000 });
    const copyOf = (body: unknown): unknown => {
      const req = { body, headers: {} };
      void guard.step!({ req } as never);
      return (req as never as { sanitised: { body: unknown } }).sanitised.body;
    };
    const keysOf = (value: unknown): string[] =>
      typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, one]) => [key, ...keysOf(one)])
        : [];
    const isHarmless = (key: string): boolean =>
      !/^\$|\./.test(key) && !['__proto__', 'constructor', 'prototype'].includes(key);
    check(
      property(object({ values: [anything()] }), (sent) => {
        const json: unknown = JSON.parse(JSON.stringify(sent) ?? 'null');
        const copy = copyOf(json);
        const isWhole = keysOf(json).every(isHarmless);
        expect(keysOf(copy).every(isHarmless)).toBe(true);
        expect(copy).toEqual(isWhole ? json : copy);
      }),
    );
  });
});

describe('parameters given several times', () => {
  test.each([
    ['last', { a: '2', tag: ['x', 'y'] }],
    ['first', { a: '1', tag: ['x', 'y'] }],
    ['keep', { a: ['1', '2'], tag: ['x', 'y'] }],
  ] as const)('are folded: %s', async (duplicates, query) => {
    const url = await start({ duplicates, repeatable: ['tag'] });
    const answer = await fetch(`${url}/1?a=1&a=2&tag=x&tag=y`);
    expect(await answer.json()).toMatchObject({ query });
  });

  test('or refused', async () => {
    const url = await start({ duplicates: 'error', repeatable: ['tag'] });
    const answer = await fetch(`${url}/1?a=1&a=2`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'ERR_DUPLICATE_PARAMETER' });
    expect((await fetch(`${url}/1?tag=1&tag=2`)).status).toBe(200);
  });

  test('in forms too; lists of JSON are lists', async () => {
    const url = await start({});
    const form = await post(`${url}/1`, 'a=1&a=2', 'application/x-www-form-urlencoded');
    expect(await form.json()).toMatchObject({ body: { a: '2' } });
    const json = await post(`${url}/1`, '{"a":[1,2]}');
    expect(await json.json()).toMatchObject({ body: { a: [1, 2] } });
  });
});

describe('HTML', () => {
  test('is cleaned by sanitize-html where a field is declared, and left alone elsewhere', async () => {
    const url = await start({ html: ['body.comment', 'body.items.*.text', 'query.q'] });
    const bad = '<p onclick=x>Hi <b>you</b><script>alert(1)</script></p>';
    const clean = '<p>Hi <b>you</b></p>';
    const body = { comment: bad, other: bad, items: [{ text: bad, title: bad }] };
    const answer = await post(`${url}/1?q=${encodeURIComponent(bad)}`, JSON.stringify(body));
    expect(await answer.json()).toMatchObject({
      query: { q: clean },
      body: { comment: clean, other: bad, items: [{ text: clean, title: bad }] },
    });
  });

  test('is cleaned in every member of an object, and its own name goes before any', async () => {
    const options = { html: ['body.*.text', 'body.title'], cleanHtml: () => 'clean' } as const;
    const body = { a: { text: 'x', other: 'x' }, title: 'x', text: 'x' };
    const answer = await post(`${await start(options)}/1`, JSON.stringify(body));
    expect(await answer.json()).toMatchObject({
      body: { a: { text: 'clean', other: 'x' }, title: 'clean', text: 'x' },
    });
  });

  test('is cleaned by what is given instead, and in each of several values', async () => {
    const options = { html: ['query.q'], duplicates: 'keep', cleanHtml: () => 'clean' } as const;
    const answer = await fetch(`${await start(options)}/1?q=a&q=b`);
    expect(await answer.json()).toMatchObject({ query: { q: ['clean', 'clean'] } });
  });
});

describe('limits', () => {
  test('of depth answer 400', async () => {
    const url = await start({ maxDepth: 3 });
    expect((await post(`${url}/1`, '{"a":{"b":{"c":1}}}')).status).toBe(200);
    const answer = await post(`${url}/1`, '{"a":{"b":[{"c":1}]}}');
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'ERR_INPUT_TOO_DEEP' });
  });

  test('of members answer 400, those of all levels together', async () => {
    const url = await start({ maxKeys: 4 });
    expect((await post(`${url}/1`, '{"a":[1,2],"b":3}')).status).toBe(200);
    const answer = await post(`${url}/1`, '{"a":[1,2],"b":[3]}');
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'ERR_INPUT_TOO_MANY_KEYS' });
  });

  test('hold for a body of the size that parsers take, nested as deep as it goes', async () => {
    const url = await start({});
    const deep = '['.repeat(40_000) + ']'.repeat(40_000);
    expect((await post(`${url}/1`, `{"a":${deep}}`)).status).toBe(400);
  });
});

test.each([
  [{ html: ['comment'] }, 'a field such as "body.comment"'],
  [{ duplicates: 'fold' as 'last' }, 'one of "last", "first", "error", "keep"'],
  [{ maxDepth: 0 }, 'a whole number, at least 1'],
])('options that cannot work are refused: %j', (options, message) => {
  expect(() => sanitise(options)).toThrow(message);
});

test('copies are offered to the last: handlers read them without asking', async () => {
  const guard = sanitise();
  await guard.close?.();
  const req = { url: '/', query: { a: '1' }, headers: {} } as unknown as express.Request;
  void guard.step!({ req } as never);
  expect(req.sanitised.query).toEqual({ a: '1' });
});
