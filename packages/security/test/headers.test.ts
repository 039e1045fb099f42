import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { answerWhole, defineMiddleware, exchangeOf, HANDLED } from '@org/core';
import { serve, type Served } from '@org/core/testing';
import { headers, type HeadersOptions, reputation } from '@org/security';
import { setup } from '@org/setup';

let served: Served | undefined;
afterEach(async () => {
  await served?.close();
  served = undefined;
});

async function start(
  options: Partial<HeadersOptions>,
  routes: (app: Express) => void = () => undefined,
): Promise<string> {
  const app = express();
  app.use(headers(options));
  routes(app);
  app.get('/', (_req, res) => void res.json({ fine: true }));
  served = await serve(app);
  return served.url;
}

const API = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** The headers that are there for safety. */
function safetyOf(answer: { readonly headers: Headers }): Record<string, string> {
  const others = new Set([
    'connection',
    'content-length',
    'content-type',
    'date',
    'etag',
    'keep-alive',
    'cache-control',
    'retry-after',
    'transfer-encoding',
    'vary',
  ]);
  return Object.fromEntries([...answer.headers].filter(([name]) => !others.has(name)));
}

describe('the headers of an answer', () => {
  test('for an API: nothing in it may run, be framed, or be taken for another type', async () => {
    const url = await start({});
    expect(safetyOf(await fetch(url))).toEqual(API);
  });

  test('for a site: what helmet sets by itself', async () => {
    const url = await start({ preset: 'site' });
    const ours = safetyOf(await fetch(url));
    await served!.close();
    const app = express().use(helmet());
    served = await serve(app.get('/', (_req, res) => void res.json({ fine: true })));
    expect(ours).toEqual(safetyOf(await fetch(served.url)));
    expect(Object.keys(ours)).toHaveLength(12);
  });

  test('follow helmet’s own options, each in place of the preset’s', async () => {
    const url = await start({
      helmet: { strictTransportSecurity: false, referrerPolicy: { policy: 'same-origin' } },
    });
    const { 'strict-transport-security': _hsts, ...rest } = API;
    expect(safetyOf(await fetch(url))).toEqual({ ...rest, 'referrer-policy': 'same-origin' });
  });

  test('can be changed and removed by a handler', async () => {
    const url = await start({}, (app) =>
      app.get('/own', (_req, res) => {
        res.removeHeader('X-Frame-Options');
        res.set('Referrer-Policy', 'origin').json({});
      }),
    );
    const { 'x-frame-options': _framing, ...rest } = API;
    expect(safetyOf(await fetch(`${url}/own`))).toEqual({ ...rest, 'referrer-policy': 'origin' });
  });

  test('are on errors, refusals, unknown addresses and answers from a store, under setup', async () => {
    const app = express();
    const guard = reputation();
    guard.block('192.0.2.1');
    app.set('trust proxy', 'loopback');
    const stored = defineMiddleware({
      name: 'cache',
      phase: 'reuse',
      step(exchange) {
        if (exchange.req.url !== '/stored') return undefined;
        answerWhole(exchange, 200, ['Content-Type', 'text/plain'], Buffer.from('kept'));
        return HANDLED;
      },
    });
    const stack = setup(app, [stored, guard, headers()]);
    app.get('/fails', () => {
      throw new Error('deliberate');
    });
    served = await serve(await stack.listen(0, '127.0.0.1'));
    const { url } = served;
    for (const [path, status, from] of [
      ['/fails', 500, '192.0.2.9'],
      ['/nowhere', 404, '192.0.2.9'],
      ['/stored', 200, '192.0.2.9'],
      ['/fails', 403, '192.0.2.1'],
    ] as const) {
      const answer = await fetch(url + path, { headers: { 'X-Forwarded-For': from } });
      expect(answer.status).toBe(status);
      expect(safetyOf(answer)).toEqual(API);
    }
    await stack.close();
  });

  test('are left away once it is closed', async () => {
    const made = headers();
    await made.close?.();
    const app = express().disable('x-powered-by').use(made);
    served = await serve(app.get('/', (_req, res) => void res.json({ fine: true })));
    expect(safetyOf(await fetch(served.url))).toEqual({});
  });
});

describe('a policy', () => {
  test('is made for each request where a directive has a function, and its errors reach the handlers', async () => {
    const url = await start(
      {
        reportingEndpoints: { csp: '/reports' },
        helmet: {
          contentSecurityPolicy: {
            useDefaults: false,
            directives: {
              defaultSrc: ["'self'", (req) => (req as Request).get('X-Source') ?? 'unquoted; bad'],
            },
          },
        },
      },
      (app) =>
        app.use((error: Error, _req: Request, res: Response, _next: NextFunction) => {
          res.status(500).send(error.message);
        }),
    );
    for (const source of ['https://a.example', 'https://b.example']) {
      const answer = await fetch(url, { headers: { 'X-Source': source } });
      expect(answer.headers.get('content-security-policy')).toBe(
        `default-src 'self' ${source};report-to csp`,
      );
    }
    const failed = await fetch(url);
    expect(failed.status).toBe(500);
    expect(await failed.text()).toContain('invalid directive value');
  });

  test('sends its reports to the endpoint that is named, or to the first', async () => {
    const reportingEndpoints = { default: '/all', csp: 'https://reports.example.com/csp' };
    const url = await start({ reportingEndpoints, reportTo: 'csp' });
    const answer = await fetch(url);
    expect(answer.headers.get('reporting-endpoints')).toBe(
      'default="/all", csp="https://reports.example.com/csp"',
    );
    expect(answer.headers.get('content-security-policy')).toBe(
      "default-src 'none';frame-ancestors 'none';report-to csp",
    );
    await served!.close();
    const first = await fetch(await start({ reportingEndpoints }));
    expect(first.headers.get('content-security-policy')).toContain('report-to default');
  });

  test('that names an endpoint itself, or only reports, keeps it', async () => {
    const url = await start({
      reportingEndpoints: { csp: '/reports' },
      helmet: {
        contentSecurityPolicy: { reportOnly: true, directives: { reportTo: ['other'] } },
      },
    });
    const { headers: sent } = await fetch(url);
    expect(sent.has('content-security-policy')).toBe(false);
    const policy = sent.get('content-security-policy-report-only');
    expect(policy).toContain('report-to other');
    expect(policy).not.toContain('report-to csp');
  });
});

describe('a nonce', () => {
  const policyOf = ({ headers: sent }: { headers: Headers }) =>
    sent.get('content-security-policy')!;
  const page = (app: Express): void =>
    void app.get('/page', (req, res) => {
      const nonce = res.locals.cspNonce as string;
      res.set('X-Personal', String(exchangeOf(req, res).principalRead));
      res.send(`${nonce} ${String(res.locals.cspNonce)}`);
    });

  test('is not offered unless it is asked for', async () => {
    const url = await start({}, page);
    expect(await (await fetch(`${url}/page`)).text()).toBe('undefined undefined');
  });

  test('is made when it is read, one for each answer, and allows scripts', async () => {
    const url = await start({ preset: 'site', nonce: true }, page);
    const seen = new Set<string>();
    for (let at = 0; at < 3; at++) {
      const answer = await fetch(`${url}/page`);
      const [nonce, again] = (await answer.text()).split(' ');
      expect(nonce).toMatch(/^[A-Za-z0-9+/]{22}==$/);
      expect(again).toBe(nonce);
      expect(policyOf(answer)).toContain(`;script-src 'self' 'nonce-${nonce}';`);
      expect(policyOf(answer)).toContain("style-src 'self' https: 'unsafe-inline'");
      seen.add(nonce!);
    }
    expect(seen.size).toBe(3);
  });

  test('leaves the policy as it is for answers that do not read it', async () => {
    const url = await start({ nonce: true }, page);
    expect(policyOf(await fetch(url))).toBe(API['content-security-policy']);
  });

  test('makes an answer one’s own: nobody may share it', async () => {
    const url = await start({ nonce: true }, page);
    expect((await fetch(`${url}/page`)).headers.get('X-Personal')).toBe('true');
  });

  test('goes into the directives that are named, which begin as default-src', async () => {
    const url = await start({ nonce: ['script-src', 'style-src'] }, page);
    const answer = await fetch(`${url}/page`);
    const [nonce] = (await answer.text()).split(' ');
    expect(policyOf(answer)).toBe(
      `default-src 'none';frame-ancestors 'none';script-src 'nonce-${nonce}';style-src 'nonce-${nonce}'`,
    );
  });

  test('that is read too late is one that no policy knows', async () => {
    const url = await start({ nonce: true }, (app) =>
      app.get('/late', (_req, res) => {
        res.write('begun ');
        res.end(String(res.locals.cspNonce));
      }),
    );
    const answer = await fetch(`${url}/late`);
    expect(await answer.text()).toMatch(/^begun .{24}$/);
    expect(policyOf(answer)).toBe(API['content-security-policy']);
  });

  test('is read by res.render, for whatever the view wants', async () => {
    const url = await start({ nonce: true }, (app) => {
      app.set(
        'view',
        class {
          readonly path = 'in memory';
          render(locals: object, done: (error: null, page: string) => void): void {
            done(null, Object.keys(locals).join(' '));
          }
        },
      );
      app.get('/view', (_req, res) => res.render('view'));
    });
    const answer = await fetch(`${url}/view`);
    expect(await answer.text()).toContain('cspNonce');
    expect(policyOf(answer)).toContain("script-src 'nonce-");
  });

  test('stays out of a policy that the handler has set', async () => {
    const url = await start({ nonce: true }, (app) =>
      app.get('/own', (_req, res) => {
        res.set('Content-Security-Policy', "script-src 'self'");
        res.send(String(res.locals.cspNonce));
      }),
    );
    expect(policyOf(await fetch(`${url}/own`))).toBe("script-src 'self'");
  });
});

describe('options that cannot work', () => {
  const cases: [string, Partial<HeadersOptions>, string][] = [
    [
      'helmet’s errors come through',
      { helmet: { referrerPolicy: { policy: 'all' as 'origin' } } },
      'security:headers: option "helmet": Referrer-Policy received an unexpected policy token "all"',
    ],
    [
      'a nonce needs a policy',
      { nonce: true, helmet: { contentSecurityPolicy: false } },
      'option "nonce" needs a policy',
    ],
    ['a nonce needs directives', { nonce: ['script src'] }, 'a fetch directive'],
    ['an endpoint that is not there', { reportTo: 'csp' }, 'must be one of reportingEndpoints'],
    [
      'an endpoint that browsers ignore',
      { reportingEndpoints: { csp: 'http://example.com' } },
      'an https URL',
    ],
    ['a name that is no key', { reportingEndpoints: { CSP: '/r' } }, 'small letters'],
    ['a preset that is none', { preset: 'app' as 'api' }, 'one of "api", "site"'],
  ];
  test.each(cases)('%s', (_name, options, message) => {
    expect(() => headers(options)).toThrow(message);
  });
});
