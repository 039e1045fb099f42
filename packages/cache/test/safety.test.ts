/** Nobody sees what is another's: users log in behind the cache, which answers before anybody checks them. */
import { exchangeOf } from '@org/core';
import type { Express, Request, Response } from 'express';

import { closeOrigins, type Origin, origin, type OriginInit } from './origin.ts';

afterEach(closeOrigins);

const USERS = ['ada', 'ibn'] as const;

/** What each user sends, by scheme. */
const SCHEMES: readonly [string, (user: string) => Record<string, string>][] = [
  ['a session cookie', (user) => ({ cookie: `sid=session-of-${user}` })],
  ['a bearer token', (user) => ({ authorization: `Bearer token-of-${user}` })],
  ['basic credentials', (user) => ({ authorization: `Basic ${btoa(`${user}:secret`)}` })],
  ['an API key', (user) => ({ 'x-api-key': `key-of-${user}` })],
];

/** The application's own check, as teams write it: behind whatever is mounted first. */
function signedIn(req: Request): string | undefined {
  const { cookie, authorization } = req.headers;
  const sent =
    /sid=session-of-(\w+)/.exec(cookie ?? '')?.[1] ??
    /Bearer token-of-(\w+)/.exec(authorization ?? '')?.[1] ??
    /key-of-(\w+)/.exec(req.get('x-api-key') ?? '')?.[1];
  const basic = /Basic (\S+)/.exec(authorization ?? '')?.[1];
  return sent ?? (basic === undefined ? undefined : atob(basic).split(':')[0]);
}

function application(directives?: string): Pick<OriginInit, 'routes'> {
  return {
    routes(app: Express) {
      app.get('/me', async (req: Request, res: Response) => {
        const user = signedIn(req);
        // Slow enough for others to arrive meanwhile.
        await new Promise((resolve) => setImmediate(resolve));
        if (directives !== undefined) res.set('Cache-Control', directives);
        if (user === undefined) res.json({ user: null });
        else res.json({ user, secret: `secret of ${user}` });
      });
    },
  };
}

async function seenBy({ get }: Origin, headers: Record<string, string>): Promise<string | null> {
  const { body } = await get('/me', headers);
  return (JSON.parse(body) as { user: string | null }).user;
}

describe.each([
  ['with app.use', false],
  ['under setup', true],
])('%s', (_how, underSetup) => {
  describe.each([
    ['no directives', undefined],
    ['a lifetime that does not say for whom', 'max-age=60'],
    ['must-revalidate besides', 'max-age=60, must-revalidate'],
  ])('an answer with %s', (_what, directives) => {
    test.each(SCHEMES)('is never shown to another user who sends %s', async (_name, sign) => {
      const app = await origin({
        underSetup,
        options: { ttlMs: 60_000 },
        ...application(directives),
      });
      for (let round = 0; round < 3; round++) {
        for (const user of USERS) expect(await seenBy(app, sign(user))).toBe(user);
        expect(await seenBy(app, {})).toBeNull();
      }
      const all = await Promise.all(
        [...USERS, ...USERS, ...USERS].map(async (user) => [user, await seenBy(app, sign(user))]),
      );
      for (const [user, seen] of all) expect(seen).toBe(user);
      const mixed = await Promise.all([
        seenBy(app, {}),
        seenBy(app, sign('ada')),
        seenBy(app, {}),
        seenBy(app, sign('ibn')),
      ]);
      expect(mixed).toEqual([null, 'ada', null, 'ibn']);
    });
  });

  test.each(SCHEMES)(
    'partition: "credentials" keeps one answer for each who sends %s',
    async (_name, sign) => {
      const app = await origin({
        underSetup,
        options: { ttlMs: 60_000, partition: 'credentials' },
        ...application(),
      });
      for (const user of USERS) expect(await seenBy(app, sign(user))).toBe(user);
      const before = app.cached.stats!();
      for (const user of USERS) expect(await seenBy(app, sign(user))).toBe(user);
      const after = app.cached.stats!();
      expect(Number(after.hitsTotal) - Number(before.hitsTotal)).toBe(2);
    },
  );
});

describe('what may be shared', () => {
  test.each(['public, max-age=60', 's-maxage=60'])(
    'is what says %s, whoever asks',
    async (directives) => {
      const { get, calls } = await origin({
        handle: (_req, res) => res.set('Cache-Control', directives).send('for all'),
      });
      await get('/', { authorization: 'Bearer a' });
      const { body, headers } = await get('/', { cookie: 'sid=b' });
      expect(body).toBe('for all');
      expect(headers['cache-status']).toContain('hit');
      expect(calls()).toBe(1);
    },
  );

  test('is not what a session begins with, the first answer of the process neither', async () => {
    const { get, calls } = await origin({
      options: { ttlMs: 60_000 },
      // As express-session does it: the cookie is set when the head is about to leave.
      before: (app) =>
        void app.use((_req, res, next) => {
          const { writeHead } = res;
          res.writeHead = function (this: typeof res, status: number) {
            if (!this.hasHeader('Set-Cookie')) this.setHeader('Set-Cookie', 'sid=of-one');
            return Reflect.apply(writeHead, this, [status]);
          } as typeof writeHead;
          next();
        }),
      handle: (_req, res, call) => res.set('Cache-Control', 'public').json({ session: call }),
    });
    for (const why of ['patched', 'set-cookie', 'set-cookie']) {
      const { body, headers } = await get('/');
      expect(JSON.parse(body)).toEqual({ session: calls() });
      expect(headers['cache-status']).toContain(`detail=${why}`);
      expect(headers['set-cookie']).toEqual(['sid=of-one']);
    }
    expect(calls()).toBe(3);
  });

  test('credentials are never part of a key in the clear', async () => {
    const keys: string[] = [];
    const { get } = await origin({
      options: {
        ttlMs: 1000,
        partition: 'credentials',
        onEvent: (event) => void ('key' in event && keys.push(event.key)),
      },
    });
    await get('/', { authorization: 'Bearer very-secret' });
    expect(keys.length).toBeGreaterThan(0);
    expect(keys.join()).not.toContain('very-secret');
  });

  test('cookies that are named harmless do not count, others beside them do', async () => {
    const { get, calls } = await origin({
      options: { ttlMs: 1000, harmlessCookies: ['theme', '_ga*'] },
    });
    await get('/', { cookie: '_ga_123=x; theme=dark' });
    await get('/', { cookie: 'theme=light' });
    expect(calls()).toBe(1);
    await get('/', { cookie: 'theme=light; sid=1' });
    expect(calls()).toBe(2);
  });

  test('a header of one’s own is a credential once it is named', async () => {
    const { get, calls } = await origin({
      options: { ttlMs: 1000, credentialHeaders: ['X-Tenant-Token'] },
    });
    await get('/', { 'x-tenant-token': 'a' });
    await get('/', { 'x-tenant-token': 'b' });
    expect(calls()).toBe(2);
  });
});

describe('the principal', () => {
  const signIn = (app: Express): void => {
    app.use((req, res, next) => {
      exchangeOf(req, res).principal = req.get('x-user');
      next();
    });
  };

  test('an answer whose handler looked at it is not stored, and says why', async () => {
    const { get, calls } = await origin({
      options: { ttlMs: 1000 },
      before: signIn,
      handle: (req, res) => res.send(exchangeOf(req, res).principal ?? 'nobody'),
    });
    expect((await get('/', { 'x-user': 'ada' })).body).toBe('ada');
    const { body, headers } = await get('/', { 'x-user': 'ibn' });
    expect(body).toBe('ibn');
    expect(headers['cache-status']).toBe('express; fwd=uri-miss; detail=principal');
    expect(calls()).toBe(2);
  });

  test('is part of the key where the partition says so', async () => {
    const { get, calls } = await origin({
      options: { ttlMs: 1000, partition: 'principal' },
      before: signIn,
      handle: (req, res) => res.send(exchangeOf(req, res).principal ?? 'nobody'),
    });
    for (const user of ['ada', 'ibn', 'ada', 'ibn']) {
      expect((await get('/', { 'x-user': user })).body).toBe(user);
    }
    expect(calls()).toBe(2);
  });

  test('a request without one still counts as somebody’s if it carries credentials', async () => {
    const { get, calls } = await origin({ options: { ttlMs: 1000, partition: 'principal' } });
    await get('/', { authorization: 'Bearer a' });
    await get('/', { authorization: 'Bearer b' });
    expect(calls()).toBe(2);
  });
});

describe('an answer that sets a cookie', () => {
  test('is not stored, not even when it says public', async () => {
    const { get, calls } = await origin({
      handle: (_req, res) =>
        res.set('Cache-Control', 'public, max-age=60').cookie('a', 'b').send('x'),
    });
    expect((await get('/')).headers['cache-status']).toContain('detail=set-cookie');
    expect((await get('/')).headers['set-cookie']).toHaveLength(1);
    expect(calls()).toBe(2);
  });

  test('is stored without it where that is allowed', async () => {
    const { get, calls } = await origin({
      options: { setCookie: 'strip' },
      handle: (_req, res) => res.set('Cache-Control', 'max-age=60').cookie('a', 'b').send('x'),
    });
    expect((await get('/')).headers['set-cookie']).toHaveLength(1);
    expect((await get('/')).headers).not.toHaveProperty('set-cookie');
    expect(calls()).toBe(1);
  });
});

test('an address has an answer for each version of the API, by whatever that was chosen, and loses all together', async () => {
  const { get, cached, calls } = await origin({
    options: { ttlMs: 60_000 },
    // Vary knows nothing of a version that a caller is pinned to.
    before: (app) =>
      app.use((req, res, next) => {
        exchangeOf(req, res).version = req.get('x-version');
        next();
      }),
    handle: (req, res) => res.json({ version: req.get('x-version') ?? 'none' }),
  });
  const versions = ['1', '2', undefined];
  const seen = async (version: string | undefined): Promise<unknown> =>
    JSON.parse((await get('/', version === undefined ? {} : { 'x-version': version })).body);
  for (const version of [...versions, ...versions]) {
    expect(await seen(version)).toEqual({ version: version ?? 'none' });
  }
  expect(calls()).toBe(3);
  await cached.invalidate({ urls: ['/'] });
  for (const version of versions) await seen(version);
  expect(calls()).toBe(6);
});
