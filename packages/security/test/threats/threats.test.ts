import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { exchangeOf, internalRequest } from '@org/core';
import { serve, type Served } from '@org/core/testing';
import { type ThreatEvent, threats, THREATS_CHANNEL, type ThreatsOptions } from '@org/security';

let served: Served | undefined;
afterEach(async () => {
  await served?.close();
  served = undefined;
});

const parsers: RequestHandler[] = [
  express.json({ limit: '4mb' }),
  express.urlencoded({ extended: true }),
  express.text({ type: ['text/*', 'application/xml', 'application/graphql'] }),
];

/** An app that inspects, and says what reached it. */
function appWith(options?: Partial<ThreatsOptions>, more: readonly RequestHandler[] = []): Express {
  const app = express();
  const [head, body] = threats(options);
  app.use(head, ...parsers, ...more, body);
  app.use((_req, res) => {
    res.json({ passed: true });
  });
  return app;
}

async function start(
  options?: Partial<ThreatsOptions>,
  more?: readonly RequestHandler[],
): Promise<string> {
  served = await serve(appWith(options, more));
  return served.url;
}

/** Serves one middleware in place of what was served. */
async function restart(middleware: RequestHandler): Promise<Served> {
  await served?.close();
  const app = express();
  app.use(middleware, (_req, res) => res.json({}));
  return serve(app);
}

const json = (url: string, value: unknown): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: typeof value === 'string' ? value : JSON.stringify(value),
  });

const text = (url: string, type: string, body: string): Promise<Response> =>
  fetch(url, { method: 'POST', headers: { 'Content-Type': type }, body });

const SQL = `7' or '1'='1`;
const XSS = '<script>steal()</script>';
const query = (value: string): string => `/search?q=${encodeURIComponent(value)}`;

describe('security:threats', () => {
  it('answers 403 with a problem document that says nothing of the rule', async () => {
    const answer = await fetch((await start()) + query(SQL));
    expect(answer.status).toBe(403);
    expect(answer.headers.get('Content-Type')).toContain('application/problem+json');
    const problem = await answer.text();
    expect(JSON.parse(problem)).toMatchObject({ status: 403, code: 'ERR_THREAT' });
    expect(problem).not.toMatch(/sql|rule|score|tautology/i);
  });

  it('lets ordinary requests pass', async () => {
    const url = await start();
    const answers = await Promise.all([
      fetch(`${url}/cities/42?name=O%27Brien&tags[]=a&tags[]=b`),
      json(`${url}/trips`, {
        name: 'Zoë',
        notes: [`It's "fine" & good`],
        nested: { $ref: '#/x', n: 1 },
      }),
      text(`${url}/form`, 'application/x-www-form-urlencoded', 'a=1&b=hello+world&c=50%25+off'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it('inspects the path, each of its ends, and the query with its names', async () => {
    const url = await start();
    for (const path of [
      `/files/..%2f..%2f..%2fetc%2fpasswd`,
      `/items/${encodeURIComponent(SQL)}`,
      `/items/${encodeURIComponent(XSS)}/more`,
      `/.git/config`,
      `/a?password[$ne]=1`,
      `/a?__proto__[admin]=1`,
      `/a?${encodeURIComponent(XSS)}=1`,
      `/a?id=7+and/*x&id=x*/1=1`,
    ]) {
      expect([path, (await fetch(url + path)).status]).toEqual([path, 403]);
    }
  });

  it('inspects headers that are not of the protocol, and cookies', async () => {
    const url = await start();
    for (const headers of [
      { 'User-Agent': '() { :;}; /bin/bash -c id' },
      { Referer: `https://example.org/?q=${encodeURIComponent(SQL)}` },
      { 'X-Forwarded-Host': XSS },
      { Cookie: `theme=dark; last=${encodeURIComponent(SQL)}` },
    ]) {
      expect((await fetch(url, { headers })).status).toBe(403);
    }
    expect((await fetch(url, { headers: { 'X-Other': XSS } })).status).toBe(403);
    expect((await fetch(url, { headers: { 'If-None-Match': `"${SQL}"` } })).status).toBe(200);
  });

  it('takes a value that is left out in one header for no other', async () => {
    const url = await start({ fields: { 'x-free': false } });
    expect((await fetch(url, { headers: { 'X-Free': XSS } })).status).toBe(200);
    expect((await fetch(url, { headers: { 'X-Other': XSS } })).status).toBe(403);
  });

  it('leaves headers and cookies alone where it is told to', async () => {
    const url = await start({ headers: ['X-Other'], cookies: false });
    expect(
      (await fetch(url, { headers: { 'User-Agent': XSS, Cookie: `a=${encodeURIComponent(SQL)}` } }))
        .status,
    ).toBe(200);
    expect((await fetch(url, { headers: { 'X-Other': XSS } })).status).toBe(403);
  });
});

describe('security:threats-body', () => {
  it('inspects JSON at any depth, and its names', async () => {
    const url = await start();
    for (const value of [
      { a: { b: [{ c: SQL }] } },
      [XSS],
      { user: { $gt: '' } },
      '{"__proto__": {"admin": true}}',
      { filter: JSON.stringify({ a: [{ __proto: 1, b: SQL.replace("'", '"') }] }) },
      { filter: '{"a": {"b": ["7\\u0027 or 1=1 --"]}}' },
      '{"constructor": {"prototype": {"admin": true}}}',
    ]) {
      expect((await json(url, value)).status).toBe(403);
    }
  });

  it('inspects forms, text, XML and GraphQL', async () => {
    const url = await start();
    const statuses = await Promise.all([
      text(url, 'application/x-www-form-urlencoded', `a=${encodeURIComponent(SQL)}`),
      text(url, 'text/plain', XSS),
      text(url, 'application/xml', `<a b="1"><c>${SQL}</c></a>`),
      text(
        url,
        'application/xml',
        `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`,
      ),
      json(url, { query: `query { user(name: "${SQL}") { id } }` }),
      json(url, { query: `query Q($n: ID!) { user(n: $n) { id } }`, variables: { n: SQL } }),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual(statuses.map(() => 403));
  });

  it('lets XML and GraphQL without a threat pass', async () => {
    const url = await start();
    const statuses = await Promise.all([
      text(
        url,
        'application/xml',
        `<?xml version="1.0"?><order id="7"><note>It's fine</note></order>`,
      ),
      text(
        url,
        'text/xml',
        `<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope"><soap:Body><a:get><a:form>7</a:form></a:get></soap:Body></soap:Envelope>`,
      ),
      json(url, {
        query: `query Q($n: ID!) { user(n: $n, role: "admin") { id ... on A { b } } }`,
        variables: { n: '7' },
      }),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it('inspects names of files and of their fields, as multer has them', async () => {
    const upload =
      (files: unknown): RequestHandler =>
      (req, _res, next) => {
        Object.assign(req, { body: {}, files });
        next();
      };
    const file = { fieldname: 'photo', originalname: '../../etc/passwd' };
    for (const files of [
      [file],
      { photo: [file] },
      [{ fieldname: '__proto__', originalname: 'a.png' }],
    ]) {
      const url = await start({}, [upload(files)]);
      expect((await fetch(url)).status).toBe(403);
      await served!.close();
    }
    const url = await start({}, [
      upload([{ fieldname: 'photo', originalname: `Zoë's photo (1).png` }]),
    ]);
    expect((await fetch(url)).status).toBe(200);
  });

  it('has nothing to see where no parser has run', async () => {
    const app = express();
    const [, body] = threats();
    app.use(body, (_req, res) => res.json({ passed: true }));
    served = await serve(app);
    expect((await json(served.url, { a: SQL })).status).toBe(200);
    expect(body.stats!()).toMatchObject({ inspectedTotal: 0 });
  });
});

describe('bombs', () => {
  it('of depth are a 400', async () => {
    const url = await start();
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect((await json(url, nested(64))).status).toBe(200);
    const answer = await json(url, nested(65));
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'ERR_TOO_COMPLEX' });
    expect((await json(url, nested(100_000))).status).toBe(400);
    expect((await fetch(`${url}/?a${'[b]'.repeat(65)}=1`)).status).toBe(400);
    expect((await fetch(`${url}/?a${'[b]'.repeat(4)}=1`)).status).toBe(200);
    expect((await json(url, { query: `{a${'{a'.repeat(80)}${'}'.repeat(81)}` })).status).toBe(400);
  });

  it('do not hide a threat', async () => {
    const url = await start();
    const value = `{"a": ${'['.repeat(70)}${']'.repeat(70)}, "b": ${JSON.stringify(XSS)}}`;
    expect((await json(url, value)).status).toBe(403);
  });

  it('of members, parameters and text are a 400', async () => {
    const url = await start({ maxKeys: 100, maxTextLength: 1000 });
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`k${at}`, at]));
    expect((await json(url, many)).status).toBe(400);
    expect((await json(url, Object.values(many))).status).toBe(400);
    expect((await fetch(`${url}/?${'a&'.repeat(101)}`)).status).toBe(400);
    expect((await json(url, { a: 'x'.repeat(1001) })).status).toBe(400);
    expect((await json(url, { a: 'x'.repeat(999) })).status).toBe(200);
  });
});

describe('policies', () => {
  it('detect lets all pass, and tells', async () => {
    const events: ThreatEvent[] = [];
    const url = await start({ mode: 'detect', onEvent: (event) => events.push(event) });
    expect((await fetch(url + query(SQL))).status).toBe(200);
    expect((await json(url, '['.repeat(70) + ']'.repeat(70))).status).toBe(200);
    expect(events.map(({ refused, findings }) => [refused, findings[0]!.threat])).toEqual([
      [false, 'sqli'],
      [false, 'bomb'],
    ]);
    const [head] = threats({ mode: 'detect' });
    served = await restart(head);
    await fetch(served.url + query(SQL));
    expect(head.stats!()).toMatchObject({ foundTotal: 1, refusedTotal: 0, sqliTotal: 1 });
  });

  it('differ by route, as Express matches routes', async () => {
    const url = await start({
      routes: {
        '/cms/*rest': { fields: { content: 'html' } },
        '/hooks/:id': false,
        '/lab': { mode: 'detect' },
        '/login': { strictness: 4 },
        '/files': { classes: ['traversal'] },
      },
    });
    const markup = '<svg><style>p{}</style></svg>';
    expect((await json(`${url}/cms/save`, { content: markup, title: 'a' })).status).toBe(200);
    expect((await json(`${url}/CMS/save/`, { content: markup, title: 'a' })).status).toBe(200);
    expect((await json(`${url}/cms/save`, { content: 'a', title: markup })).status).toBe(403);
    expect((await json(`${url}/other`, { content: markup })).status).toBe(403);
    expect((await json(`${url}/hooks/7`, { a: SQL })).status).toBe(200);
    expect((await fetch(`${url}/lab${query(SQL).slice(7)}`)).status).toBe(200);
    expect((await fetch(`${url}/login?q=x+%3Cmeta+charset%3Dx%3E+y`)).status).toBe(403);
    expect((await fetch(`${url}/files?q=${encodeURIComponent(SQL)}`)).status).toBe(200);
    expect((await fetch(`${url}/files?q=../../../etc/passwd`)).status).toBe(403);
  });

  it('leave fields out by name and by path', async () => {
    const url = await start({
      fields: { 'user.bio': false, notes: false, 'items[].html': 'html' },
    });
    const markup = '<style>p{}</style>';
    expect((await json(url, { user: { bio: XSS } })).status).toBe(200);
    expect((await json(url, { bio: XSS })).status).toBe(403);
    expect((await json(url, { a: { notes: XSS } })).status).toBe(200);
    expect((await json(url, { notes: [XSS] })).status).toBe(200);
    expect((await json(url, { items: [{ html: markup }] })).status).toBe(200);
    expect((await json(url, { items: [{ text: markup }] })).status).toBe(403);
    expect((await fetch(`${url}/?notes=${encodeURIComponent(SQL)}`)).status).toBe(200);
  });

  it('are checked at construction, those of routes, too', () => {
    expect(() => threats({ strictness: 5 as 4 })).toThrow(/"strictness" must be one of 1, 2, 3, 4/);
    expect(() => threats({ routes: { '/a': { mod: 'detect' } as object } })).toThrow(
      /route "\/a".*did you mean "mode"/,
    );
    expect(() => threats({ fields: { a: 'xml' as 'html' } })).toThrow(/fields/);
    expect(() => threats({ routes: { '/a(': false } })).toThrow(/no path pattern/);
  });
});

describe('whoever wants to know', () => {
  it('hears of findings before the answer: the hook, and the channel', async () => {
    const heard: string[] = [];
    const listener = (message: unknown): void => {
      heard.push(`channel ${(message as ThreatEvent).findings[0]!.rule}`);
    };
    subscribe(THREATS_CHANNEL, listener);
    try {
      const url = await start({
        onEvent: ({ exchange, refused }) => heard.push(`hook ${exchange.req.path} ${refused}`),
      });
      await fetch(url + query(SQL));
      expect(heard).toEqual(['hook /search true', 'channel sqli-tautology']);
      await fetch(`${url}/search?q=hello`);
      expect(heard).toHaveLength(2);
    } finally {
      unsubscribe(THREATS_CHANNEL, listener);
    }
  });

  it('reads totals by class', async () => {
    const [head, body] = threats();
    const app = express();
    app.use(head, ...parsers, body, (_req, res) => res.json({}));
    served = await serve(app);
    await fetch(served.url + query(SQL));
    await fetch(served.url + query('hello'));
    await json(served.url, { a: XSS, b: XSS });
    expect(head.stats!()).toMatchObject({
      inspectedTotal: 3,
      foundTotal: 1,
      refusedTotal: 1,
      sqliTotal: 1,
      xssTotal: 0,
    });
    expect(body.stats!()).toMatchObject({
      inspectedTotal: 1,
      foundTotal: 1,
      refusedTotal: 1,
      xssTotal: 1,
    });
  });

  it('gets refusals as errors where they are to be thrown, and on the exchange where not', async () => {
    const seen: unknown[] = [];
    const app = appWith({ throwRefusals: true });
    const onError: ErrorRequestHandler = (error: { code: string }, _req, res, _next) => {
      seen.push(error.code);
      res.status(418).end();
    };
    app.use(onError);
    served = await serve(app);
    expect((await fetch(served.url + query(SQL))).status).toBe(418);
    expect(seen).toEqual(['ERR_THREAT']);
    await served.close();

    const observed = express();
    const [head] = threats();
    observed.use((req, res, next) => {
      res.once('finish', () => seen.push((exchangeOf(req, res).error as { code: string }).code));
      next();
    }, head);
    served = await serve(observed);
    await fetch(served.url + query(SQL));
    expect(seen).toEqual(['ERR_THREAT', 'ERR_THREAT']);
  });

  it('is not asked about requests of the house, nor after the end', async () => {
    const app = appWith();
    const exchange = await internalRequest(app, { url: query(SQL) });
    expect(exchange.res.statusCode).toBe(200);
    const [head] = threats();
    const other = express();
    other.use(head, (_req, res) => res.json({}));
    await head.close!(AbortSignal.timeout(1000));
    served = await serve(other);
    expect((await fetch(served.url + query(SQL))).status).toBe(200);
  });

  it('survives a listener that throws', async () => {
    const url = await start({
      onEvent: () => {
        throw new Error('no');
      },
    });
    expect((await fetch(url + query(SQL))).status).toBe(403);
  });
});
