import express, { type Express, type Request } from 'express';
import { exchangeOf } from '@org/core';
import { serve, type Served } from '@org/core/testing';
import { csrf, type Csrf, type CsrfOptions, type SecurityEvent } from '@org/security';

let served: Served | undefined;
afterEach(async () => {
  await served?.close();
  served = undefined;
});

interface Site {
  readonly guard: Csrf;
  /** POSTs with these headers; answers the status. */
  post(headers: Record<string, string>, path?: string, body?: string): Promise<number>;
  readonly url: string;
  /** As `Origin` and `Host` name it. */
  readonly host: string;
}

async function site(
  options: Partial<CsrfOptions> = {},
  prepare: (app: Express) => void = () => undefined,
): Promise<Site> {
  await served?.close();
  const guard = csrf(options);
  const app = express();
  prepare(app);
  app.use(guard);
  app.get('/form', (req, res) => {
    const token = res.locals.csrfToken as string | undefined;
    res.set('X-Personal', String(exchangeOf(req, res).principalRead)).send(token ?? 'none');
  });
  app.get('/twice', (req, res) => void res.json([guard.token(req, res), res.locals.csrfToken]));
  app.all('/{*path}', (_req, res) => void res.sendStatus(200));
  served = await serve(app);
  const { url } = served;
  return {
    guard,
    url,
    host: new URL(url).host,
    async post(headers, path = '/', body) {
      const init = { method: 'POST', headers, ...(body === undefined ? {} : { body }) };
      return (await fetch(url + path, init)).status;
    },
  };
}

const COOKIE = { Cookie: 'sid=1' };

describe('a request is checked', () => {
  test('if it is unsafe and carries what a browser adds by itself', async () => {
    const { post } = await site();
    const foreign = { 'Sec-Fetch-Site': 'cross-site' };
    expect(await post({ ...foreign })).toBe(200);
    expect(await post({ ...foreign, Authorization: 'Bearer abc' })).toBe(200);
    expect(await post({ ...foreign, ...COOKIE })).toBe(403);
    expect(await post({ ...foreign, ...COOKIE, Authorization: 'Bearer abc' })).toBe(403);
    expect(await post({ ...foreign, Authorization: 'Basic YTpi' })).toBe(403);
    expect(await post({ ...foreign, Authorization: 'NEGOTIATE abc' })).toBe(403);
  });

  test('by method: what is safe passes (RFC 9110 §9.2.1)', async () => {
    const { url } = await site();
    const headers = { 'Sec-Fetch-Site': 'cross-site', ...COOKIE };
    for (const [method, status] of [
      ['GET', 200],
      ['HEAD', 200],
      ['OPTIONS', 200],
      ['PUT', 403],
      ['PATCH', 403],
      ['DELETE', 403],
    ] as const) {
      expect((await fetch(url, { method, headers })).status).toBe(status);
    }
  });

  test('or always, logins included, where that is asked for', async () => {
    const { post } = await site({ check: 'always' });
    expect(await post({ 'Sec-Fetch-Site': 'cross-site' })).toBe(403);
  });

  test('not for cookies that identify nobody', async () => {
    const { post } = await site({ harmlessCookies: ['_ga*'] });
    const foreign = { 'Sec-Fetch-Site': 'cross-site' };
    expect(await post({ ...foreign, Cookie: '_ga=1; _ga_X=2' })).toBe(200);
    expect(await post({ ...foreign, Cookie: '_ga=1; sid=2' })).toBe(403);
  });

  test('not on routes that are excepted', async () => {
    const { post } = await site({ routes: { '/hooks/*path': false, '/hooks': true } });
    const foreign = { 'Sec-Fetch-Site': 'cross-site', ...COOKIE };
    expect(await post(foreign, '/hooks/payment')).toBe(200);
    expect(await post(foreign, '/HOOKS/payment/')).toBe(200);
    expect(await post(foreign, '/hooks')).toBe(403);
    expect(await post(foreign, '/pay?/hooks/x')).toBe(403);
  });
});

describe('where a request is from', () => {
  test.each([
    ['same-origin', 200],
    ['none', 200],
    ['same-site', 403],
    ['cross-site', 403],
    ['nonsense', 403],
    ['', 403],
  ])('fetch metadata says first: %s', async (value, status) => {
    const { post } = await site();
    expect(await post({ ...COOKIE, 'Sec-Fetch-Site': value })).toBe(status);
  });

  test('a trusted origin may send, with or without fetch metadata', async () => {
    const { post } = await site({ trustedOrigins: ['https://app.example.com'] });
    const from = (origin: string) => ({ ...COOKIE, Origin: origin });
    expect(await post(from('https://app.example.com'))).toBe(200);
    for (const value of ['same-site', 'cross-site']) {
      const told = { 'Sec-Fetch-Site': value };
      expect(await post({ ...from('https://app.example.com'), ...told })).toBe(200);
      expect(await post({ ...from('https://app.example.com.evil.example'), ...told })).toBe(403);
    }
    expect(await post(from('http://app.example.com'))).toBe(403);
    expect(await post(from('https://app.example.com:8443'))).toBe(403);
  });

  test('without fetch metadata, Origin is compared with Host', async () => {
    const { post, host } = await site();
    expect(await post({ ...COOKIE, Origin: `http://${host}` })).toBe(200);
    expect(await post({ ...COOKIE, Origin: `https://${host}` })).toBe(200);
    for (const origin of ['http://127.0.0.1', 'https://evil.example', 'null', '', 'x']) {
      expect(await post({ ...COOKIE, Origin: origin })).toBe(403);
    }
  });

  test('behind a proxy that is trusted, Host is what the client asked for', async () => {
    const trust = (app: Express) => void app.set('trust proxy', 'loopback');
    const headers = {
      ...COOKIE,
      Origin: 'https://shop.example',
      'X-Forwarded-Host': 'SHOP.example:443',
    };
    expect(await (await site({}, trust)).post(headers)).toBe(200);
    expect(await (await site()).post(headers)).toBe(403);
  });

  test('without Origin, Referer tells', async () => {
    const { post, host } = await site();
    expect(await post({ ...COOKIE, Referer: `http://${host}/page?x` })).toBe(200);
    expect(await post({ ...COOKIE, Referer: `https://evil.example/?${host}` })).toBe(403);
  });

  test('without anything, it is no browser’s: it passes, unless it shall not', async () => {
    expect(await (await site()).post(COOKIE)).toBe(200);
    expect(await (await site({ unknown: 'refuse' })).post(COOKIE)).toBe(403);
  });
});

describe('tokens', () => {
  const secret = 'a secret of at least thirty-two characters';
  const sessionOf = (req: Request) => /sid=(\w+)/.exec(req.headers.cookie ?? '')?.[1];
  const own = { 'Sec-Fetch-Site': 'same-origin' };

  interface Page {
    readonly token: string;
    readonly cookie: string;
    readonly attributes: string;
    readonly personal: string | null;
  }

  async function open({ url }: Site, cookie = 'sid=1'): Promise<Page> {
    const answer = await fetch(`${url}/form`, { headers: { Cookie: cookie } });
    const [set = ''] = answer.headers.getSetCookie();
    const end = set.indexOf(';');
    return {
      token: await answer.text(),
      cookie: set.slice(0, end),
      attributes: set.slice(end),
      personal: answer.headers.get('x-personal'),
    };
  }

  test('are needed besides, and are one session’s', async () => {
    const made = await site({ token: { secret, sessionOf } });
    const { token, cookie, attributes, personal } = await open(made);
    expect(cookie).toMatch(/^__Host-csrf=[\w-]{22}\.[\w-]{43}$/);
    expect(attributes).toBe('; Path=/; Secure; SameSite=lax; HttpOnly');
    expect(personal).toBe('true');
    const post = (more: Record<string, string>) => made.post({ ...own, ...more });
    const Cookie = `sid=1; ${cookie}`;
    expect(await post({ Cookie, 'X-CSRF-Token': token })).toBe(200);
    expect(await post({ Cookie })).toBe(403);
    expect(await post({ Cookie: 'sid=1', 'X-CSRF-Token': token })).toBe(403);
    expect(await post({ Cookie: `sid=2; ${cookie}`, 'X-CSRF-Token': token })).toBe(403);
    for (const wrong of [
      '',
      '.',
      token.slice(2),
      token.slice(0, -2),
      'AAAA',
      `A${token.slice(2)}AA`,
    ]) {
      expect(await post({ Cookie, 'X-CSRF-Token': wrong })).toBe(403);
    }
    expect(made.guard.stats()).toMatchObject({ checkedTotal: 10, tokenTotal: 9 });
  });

  test('do not help a request from another site', async () => {
    const made = await site({ token: { secret, sessionOf } });
    const { token, cookie } = await open(made);
    const headers = { Cookie: `sid=1; ${cookie}`, 'X-CSRF-Token': token };
    expect(await made.post({ ...headers, 'Sec-Fetch-Site': 'cross-site' })).toBe(403);
  });

  test('that somebody plants with a cookie of his own are worth nothing', async () => {
    const made = await site({ token: { secret, sessionOf } });
    const mine = await open(made, 'sid=mallory');
    const headers = { ...own, Cookie: `sid=1; ${mine.cookie}`, 'X-CSRF-Token': mine.token };
    expect(await made.post(headers)).toBe(403);
  });

  test('read differently each time, keep their cookie, and are told raw to scripts that read it', async () => {
    const made = await site({ token: { secret, sessionOf } });
    const twice = await fetch(`${made.url}/twice`, { headers: { Cookie: 'sid=1' } });
    const [one, other] = (await twice.json()) as [string, string];
    expect(one).not.toBe(other);
    const [set, ...more] = twice.headers.getSetCookie();
    expect(more).toEqual([]);
    const cookie = set!.split(';')[0]!;
    const Cookie = `sid=1; ${cookie}`;
    for (const token of [one, other, cookie.slice(cookie.indexOf('=') + 1)]) {
      expect(await made.post({ ...own, Cookie, 'X-CSRF-Token': token })).toBe(200);
    }
    const again = await fetch(`${made.url}/form`, { headers: { Cookie } });
    expect(again.headers.getSetCookie()).toEqual([]);
    const token = await again.text();
    expect(await made.post({ ...own, Cookie, 'X-CSRF-Token': token })).toBe(200);
  });

  test('outlive a change of the secret, and are then made anew', async () => {
    const before = await site({ token: { secret, sessionOf } });
    const { token, cookie } = await open(before);
    const secrets = ['another secret of at least thirty-two characters', secret];
    const after = await site({ token: { secret: secrets, sessionOf } });
    const Cookie = `sid=1; ${cookie}`;
    expect(await after.post({ ...own, Cookie, 'X-CSRF-Token': token })).toBe(200);
    const renewed = await open(after, Cookie);
    expect(renewed.cookie).not.toBe(cookie);
    const end = await site({ token: { secret: secrets.slice(0, 1), sessionOf } });
    expect(await end.post({ ...own, Cookie, 'X-CSRF-Token': token })).toBe(403);
    const headers = { ...own, Cookie: `sid=1; ${renewed.cookie}` };
    expect(await end.post({ ...headers, 'X-CSRF-Token': renewed.token })).toBe(200);
  });

  test('may come in a form that has been parsed', async () => {
    const made = await site(
      { token: { secret, sessionOf, cookie: 'csrf', httpOnly: false } },
      (app) => app.use(express.urlencoded()),
    );
    const { token, cookie, attributes } = await open(made);
    expect(cookie).toMatch(/^csrf=/);
    expect(attributes).not.toContain('HttpOnly');
    const headers = {
      ...own,
      Cookie: `sid=1; ${cookie}`,
      'Content-Type': 'application/x-www-form-urlencoded',
    };
    expect(await made.post(headers, '/', `_csrf=${token}`)).toBe(200);
    expect(await made.post(headers, '/', `_csrf=${token}&_csrf=${token}`)).toBe(403);
  });

  test('are needed only of requests that tell nothing, where that is asked for', async () => {
    const made = await site({ token: { secret, sessionOf, required: 'unknown' } });
    const { token, cookie } = await open(made);
    const Cookie = `sid=1; ${cookie}`;
    expect(await made.post({ ...own, Cookie })).toBe(200);
    expect(await made.post({ Cookie })).toBe(403);
    expect(await made.post({ Cookie, 'X-CSRF-Token': token })).toBe(200);
  });

  test('are there only where they are wanted', async () => {
    const made = await site();
    expect((await open(made)).token).toBe('none');
    expect((await fetch(`${made.url}/twice`)).status).toBe(500);
  });

  test.each([
    [{ secret: 'short', sessionOf }, 'a secret of at least 32 characters'],
    [{ secret: [], sessionOf }, 'a secret of at least 32 characters'],
    [{ secret }, 'option "sessionOf" is needed'],
    [{ sessionOf }, 'option "secret" is needed'],
    [{ secret, sessionOf, cookie: 'a b' }, 'the name of a cookie'],
    [{ secret, sessionOf, sameSit: 'lax' }, 'did you mean "sameSite"'],
  ])('are refused with options that cannot work: %#', (token, message) => {
    expect(() => csrf({ token })).toThrow(message);
  });
});

describe('a refusal', () => {
  test('is a problem document', async () => {
    const { url } = await site({ unknown: 'refuse' });
    const answer = await fetch(url, { method: 'POST', headers: COOKIE });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({
      status: 403,
      code: 'ERR_CSRF',
      detail: 'The request does not tell which site it comes from. Send an Origin header.',
    });
  });

  test('is for the error handlers where that is asked for, and counted', async () => {
    const seen: unknown[] = [];
    const made = await site({ unknown: 'refuse', throwRefusals: true });
    const app = express().use(made.guard);
    app.use(((error, _req, res, _next) => {
      seen.push({ code: error.code, status: error.status });
      res.sendStatus(error.status as number);
    }) satisfies express.ErrorRequestHandler);
    await served!.close();
    served = await serve(app);
    await fetch(served.url, { method: 'POST', headers: COOKIE });
    const foreign = { ...COOKIE, 'Sec-Fetch-Site': 'cross-site' };
    await fetch(served.url, { method: 'POST', headers: foreign });
    expect(seen).toEqual([
      { code: 'ERR_CSRF', status: 403 },
      { code: 'ERR_CSRF', status: 403 },
    ]);
    expect(made.guard.stats()).toEqual({
      checkedTotal: 2,
      crossSiteTotal: 1,
      unknownTotal: 1,
      tokenTotal: 0,
    });
  });

  test('is only told of where nothing is enforced', async () => {
    const events: SecurityEvent[] = [];
    const { post } = await site({ mode: 'detect', onEvent: (event) => events.push(event) });
    expect(await post({ ...COOKIE, 'Sec-Fetch-Site': 'cross-site' })).toBe(200);
    expect(events).toMatchObject([
      { type: 'refused', part: 'csrf', reason: 'cross-site', enforced: false },
    ]);
  });

  test('does not come from one that is closed', async () => {
    const { guard, post } = await site();
    await guard.close?.();
    expect(await post({ ...COOKIE, 'Sec-Fetch-Site': 'cross-site' })).toBe(200);
  });

  test.each(['https://app.example.com/', 'app.example.com', 'null', 'https://*.example.com/x'])(
    'needs origins that are some: %s',
    (origin) => {
      expect(() => csrf({ trustedOrigins: [origin] })).toThrow('an origin such as');
    },
  );
});
