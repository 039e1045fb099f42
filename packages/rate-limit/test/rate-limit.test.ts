/** The limiter through a real server: who is counted, what is told, what is given back. */
import diagnostics from 'node:diagnostics_channel';
import { connect } from 'node:net';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { type Exchange, exchangeOf, internalRequest, PROBLEM_JSON } from '@org/core';
import { type FakeClock, fakeClock, serve } from '@org/core/testing';
import {
  RATE_LIMIT_CHANNEL,
  type RateLimit,
  rateLimit,
  type RateLimitEvent,
  type RateLimitOptions,
} from '@org/rate-limit';
import { setup } from '@org/setup';
import { parseList } from 'structured-headers';

interface Running {
  readonly url: string;
  readonly made: RateLimit;
  readonly clock: FakeClock;
  readonly app: Express;
  /** Asks as `from`, by default one and the same client. */
  get(path?: string, headers?: Record<string, string>): Promise<globalThis.Response>;
  /** Statuses of so many requests in a row. */
  statuses(count: number, path?: string, headers?: Record<string, string>): Promise<number[]>;
  close(): Promise<unknown>;
}

const open: Running[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function start(
  options: Partial<RateLimitOptions> = {},
  {
    assembled = false,
    before = () => undefined,
    more = [],
  }: {
    readonly assembled?: boolean;
    readonly before?: (exchange: Exchange) => void;
    readonly more?: readonly RateLimit[];
  } = {},
): Promise<Running> {
  const clock = fakeClock();
  const made = rateLimit({ limit: 3, windowMs: 10_000, clock, ...options });
  const app = express();
  app.set('trust proxy', true);
  const prepare = (req: Request, res: Response, next: NextFunction): void => {
    before(exchangeOf(req, res));
    next();
  };
  if (!assembled) {
    app.use(prepare);
    app.use(made);
    for (const one of more) app.use(one);
  }
  const stack = assembled ? setup(app, [made, ...more]) : undefined;
  app.get('/fails', (_req, res) => void res.status(500).send('failed'));
  app.get('/costs/:units', (req, res) => {
    made.settle(exchangeOf(req, res), Number(req.params.units));
    res.send('settled');
  });
  app.get('/hangs', () => undefined);
  app.get(/.*/, (_req, res) => void res.send('fine'));
  app.use(
    (error: Error & { status?: number }, _req: Request, res: Response, next: NextFunction) => {
      if (res.headersSent) next(error);
      else res.status(error.status ?? 500).send(`handler: ${error.message}`);
    },
  );
  const { url, close } = await serve(
    stack === undefined ? app : await stack.listen(0, '127.0.0.1'),
  );
  const get = (path = '/', headers: Record<string, string> = {}) =>
    fetch(url + path, { headers: { connection: 'close', ...headers } });
  const running: Running = {
    url,
    made,
    clock,
    app,
    get,
    async statuses(count, path, headers) {
      const all: number[] = [];
      for (let at = 0; at < count; at++) all.push((await get(path, headers)).status);
      return all;
    },
    close: async () => {
      await close();
      await (stack === undefined ? made.close?.() : stack.close());
    },
  };
  open.push(running);
  return running;
}

const from = (address: string): Record<string, string> => ({ 'x-forwarded-for': address });

describe('a limit', () => {
  test.each([false, true])(
    'lets so many through, then none, then again (assembled: %s)',
    async (assembled) => {
      const { statuses, clock } = await start({}, { assembled });
      expect(await statuses(5)).toEqual([200, 200, 200, 429, 429]);
      clock.advance(10_000);
      expect(await statuses(1)).toEqual([200]);
    },
  );

  test('refusals take nothing', async () => {
    const { statuses, clock } = await start();
    await statuses(3);
    clock.advance(9000);
    expect(await statuses(5)).toEqual([429, 429, 429, 429, 429]);
    clock.advance(1000);
    expect(await statuses(4)).toEqual([200, 200, 200, 429]);
  });

  test('says no as draft-ietf-httpapi-ratelimit-headers §5.1 has it, with a Retry-After that holds', async () => {
    const { get, statuses, clock } = await start();
    await statuses(3);
    clock.advance(2600);
    const answer = await get();
    expect(answer.status).toBe(429);
    expect(answer.headers.get('content-type')).toContain(PROBLEM_JSON);
    expect(answer.headers.get('retry-after')).toBe('8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Quota Exceeded',
      status: 429,
      detail: 'There were too many requests (default). Try again in 8 s.',
      code: 'ERR_RATE_LIMITED',
      'violated-policies': ['default'],
    });
    clock.advance(8000);
    expect(await statuses(1)).toEqual([200]);
  });

  test('hands refusals to the error handlers where it is asked to', async () => {
    const { get, statuses } = await start({ throwRefusals: true });
    await statuses(3);
    const answer = await get();
    expect(answer.status).toBe(429);
    expect(await answer.text()).toMatch(/^handler: There were too many requests/);
  });

  test('leaves the error for those who observe', async () => {
    const seen: Exchange[] = [];
    const { statuses } = await start({ limit: 1 }, { before: (exchange) => seen.push(exchange) });
    await statuses(2);
    expect(seen[0]!.error).toBeUndefined();
    expect(seen[1]!.error).toMatchObject({ code: 'ERR_RATE_LIMITED' });
  });

  test('does not count the requests of the house, nor those that are skipped', async () => {
    const { app, statuses, made } = await start({
      skip: ({ req }) => req.headers['x-skip'] === 'yes',
    });
    for (let at = 0; at < 5; at++) {
      expect((await internalRequest(app, { url: '/' })).res.statusCode).toBe(200);
    }
    expect(await statuses(5, '/', { 'x-skip': 'yes' })).toEqual([200, 200, 200, 200, 200]);
    expect(await statuses(4)).toEqual([200, 200, 200, 429]);
    expect(made.stats!()).toMatchObject({ skippedTotal: 10, allowedTotal: 3, deniedTotal: 1 });
  });

  test('counts once what passes it twice', async () => {
    const clock = fakeClock();
    const made = rateLimit({ limit: 2, clock });
    const app = express();
    app.use(made, made);
    app.get('/', (_req, res) => void res.send('fine'));
    const { url, close } = await serve(app);
    const statuses = [];
    for (let at = 0; at < 3; at++) statuses.push((await fetch(url)).status);
    await close();
    expect(statuses).toEqual([200, 200, 429]);
  });

  test('lets everybody pass once it is closed', async () => {
    const { statuses, made } = await start();
    await statuses(3);
    await made.close!();
    expect(await statuses(2)).toEqual([200, 200]);
    expect(made.stats!()).toMatchObject({ keys: 0 });
  });
});

describe('several policies', () => {
  const policies = {
    burst: { limit: 2, windowMs: 1000 },
    day: { limit: 3, windowMs: 86_400_000, algorithm: 'fixed' },
  } as const;

  test('must all have enough, and a refusal by one takes nothing of the others', async () => {
    const { statuses, get, clock, made } = await start({ policies });
    expect(await statuses(3)).toEqual([200, 200, 429]);
    clock.advance(1000);
    expect(await statuses(1)).toEqual([200]);
    // The day is used up; the burst would have one more, and keeps it.
    const refused = await get();
    expect((await problem(refused))['violated-policies']).toEqual(['day']);
    const { policies: standing } = await made.peek('127.0.0.1');
    expect(standing.map(({ policy, remaining }) => [policy, remaining])).toEqual([
      ['burst', 1],
      ['day', 0],
    ]);
    expect(made.stats!()['routes']).toMatchObject({
      '*': { burst: { allowedTotal: 3, deniedTotal: 1 }, day: { allowedTotal: 3, deniedTotal: 1 } },
    });
  });

  test('names all that are violated, and the longest wait', async () => {
    const { statuses, get } = await start({
      policies: { ...policies, day: { ...policies.day, limit: 2 } },
    });
    await statuses(2);
    const refused = await get();
    expect(refused.headers.get('retry-after')).toBe('86400');
    expect((await problem(refused))['violated-policies']).toEqual(['burst', 'day']);
  });

  test('take what they leave open from the instance', async () => {
    const { get } = await start({ limit: 7, windowMs: 5000, policies: { a: {}, b: { limit: 9 } } });
    expect((await get()).headers.get('ratelimit-policy')).toBe('"a";q=7;w=5, "b";q=9;w=5');
  });
});

describe('routes', () => {
  test('have policies of their own, in place of one, on top, or fewer', async () => {
    const { statuses, get } = await start({
      policies: { all: { limit: 4, windowMs: 5000 }, extra: { limit: 100 } },
      routes: {
        '/login': { policies: { login: { limit: 1 } } },
        '/search': { policies: { all: { limit: 2 }, extra: false } },
        '/free': false,
      },
    });
    expect(await statuses(2, '/login')).toEqual([200, 429]);
    expect((await get('/search')).headers.get('ratelimit-policy')).toBe('"all";q=2;w=5');
    expect(await statuses(2, '/search')).toEqual([200, 429]);
    // The login took from "all" as well; the search has its own.
    expect(await statuses(4)).toEqual([200, 200, 200, 429]);
    const free = await get('/free');
    expect(free.status).toBe(200);
    expect(free.headers.get('ratelimit')).toBeNull();
  });

  test('are found as Express finds them, so that no spelling goes round them', async () => {
    const { statuses } = await start({
      limit: 100,
      routes: { '/login': { policies: { default: { limit: 1 } } } },
    });
    expect(await statuses(1, '/LOGIN/?a=1')).toEqual([200]);
    expect(await statuses(1, '/login')).toEqual([429]);
  });

  test('cost what they cost', async () => {
    const { statuses } = await start({
      limit: 10,
      routes: { '/export': { cost: 4 }, '/ping': { cost: 0 } },
    });
    expect(await statuses(3, '/export')).toEqual([200, 200, 429]);
    expect(await statuses(3)).toEqual([200, 200, 429]);
    expect(await statuses(2, '/ping')).toEqual([200, 200]);
  });
});

describe('who is counted', () => {
  test('each address apart, IPv4 also where it comes mapped, IPv6 by its network', async () => {
    const { statuses } = await start({ limit: 2 });
    expect(await statuses(3, '/', from('203.0.113.7'))).toEqual([200, 200, 429]);
    expect(await statuses(1, '/', from('::ffff:203.0.113.7'))).toEqual([429]);
    expect(await statuses(1, '/', from('203.0.113.8'))).toEqual([200]);
    expect(await statuses(1, '/', from('2001:db8:0:100::1'))).toEqual([200]);
    expect(await statuses(2, '/', from('2001:db8:0:1ff:1:2:3:4'))).toEqual([200, 429]);
    expect(await statuses(1, '/', from('2001:db8:0:200::1'))).toEqual([200]);
  });

  test('an IPv6 network of another length', async () => {
    const { statuses } = await start({ limit: 1, ipv6PrefixBits: 64 });
    expect(await statuses(1, '/', from('2001:db8:0:100::1'))).toEqual([200]);
    expect(await statuses(1, '/', from('2001:db8:0:101::1'))).toEqual([200]);
    expect(await statuses(1, '/', from('2001:db8:0:101::2'))).toEqual([429]);
  });

  test('users, by principal; strangers by address, and no name can be an address', async () => {
    const { statuses } = await start(
      { limit: 1, by: 'principal' },
      { before: (exchange) => void (exchange.principal = exchange.req.get('x-user')) },
    );
    expect(await statuses(2, '/', { 'x-user': 'ada' })).toEqual([200, 429]);
    expect(await statuses(1, '/', { 'x-user': 'ada', ...from('203.0.113.7') })).toEqual([429]);
    expect(await statuses(1, '/', { 'x-user': 'grace' })).toEqual([200]);
    expect(await statuses(1, '/', { 'x-user': '127.0.0.1' })).toEqual([200]);
    expect(await statuses(2)).toEqual([200, 429]);
  });

  test('no text in place of an address can be the name of a user', async () => {
    const { statuses, made } = await start(
      { limit: 1, by: 'principal' },
      { before: (exchange) => void (exchange.principal = exchange.req.get('x-user')) },
    );
    expect(await statuses(2, '/', from('user:ada'))).toEqual([200, 429]);
    expect(await statuses(1, '/', { 'x-user': 'ada' })).toEqual([200]);
    expect(made.top().map(({ key }) => key)).toEqual(['unknown:user:ada', 'user:ada']);
  });

  test('keys, by credentials', async () => {
    const { statuses, made } = await start({ limit: 1, by: 'credentials' });
    expect(await statuses(2, '/', { 'x-api-key': 'one' })).toEqual([200, 429]);
    expect(await statuses(2, '/', { authorization: 'Bearer two' })).toEqual([200, 429]);
    expect(await statuses(2)).toEqual([200, 429]);
    expect(
      made
        .top()
        .map(({ key }) => key)
        .join(' '),
    ).not.toMatch(/one|two/);
  });

  test('everybody together', async () => {
    const { statuses } = await start({ limit: 2, by: 'none' });
    expect(await statuses(1, '/', from('203.0.113.7'))).toEqual([200]);
    expect(await statuses(2, '/', from('203.0.113.8'))).toEqual([200, 429]);
  });

  test('by a name of your own, by address where it has none, whatever its length', async () => {
    const { statuses } = await start({ limit: 1, by: ({ req }) => req.get('x-tenant') });
    const tenant = (name: string): Record<string, string> => ({ 'x-tenant': name });
    expect(await statuses(2, '/', tenant('a'))).toEqual([200, 429]);
    expect(await statuses(2, '/', tenant('b'.repeat(5000)))).toEqual([200, 429]);
    expect(await statuses(1, '/', tenant('b'.repeat(4999)))).toEqual([200]);
    expect(await statuses(2)).toEqual([200, 429]);
  });

  test('what is kept of a name is bounded, whoever gives it', async () => {
    const { statuses, made } = await start(
      { by: 'principal' },
      { before: (exchange) => void (exchange.principal = exchange.req.get('x-user')) },
    );
    await statuses(1, '/', { 'x-user': 'a'.repeat(5000) });
    await statuses(1, '/', from('b'.repeat(5000)));
    const names = made.top().map(({ key }) => key);
    expect(names.filter((name) => name.length > 64)).toEqual([]);
    expect(names).toHaveLength(2);
  });

  test('each policy by its own', async () => {
    const { statuses } = await start({
      policies: { each: { limit: 2 }, all: { limit: 3, by: 'none' } },
    });
    expect(await statuses(3, '/', from('203.0.113.7'))).toEqual([200, 200, 429]);
    expect(await statuses(2, '/', from('203.0.113.8'))).toEqual([200, 429]);
  });
});

describe('cost', () => {
  test('is what the exchange says, rounded up, and one where that is none', async () => {
    const costs: number[] = [2.5, Number.NaN, -1];
    const { statuses } = await start(
      { limit: 5 },
      { before: (exchange) => void (exchange.cost = costs.shift() ?? 1) },
    );
    expect(await statuses(4)).toEqual([200, 200, 200, 429]);
  });

  test('is what a function says', async () => {
    const { statuses, get } = await start({
      limit: 10,
      cost: ({ req }) => Number(req.query['limit'] ?? 1),
    });
    expect(await statuses(2, '/?limit=6')).toEqual([200, 429]);
    expect(await statuses(1, '/?limit=4')).toEqual([200]);
    expect((await get('/?limit=11')).headers.get('retry-after')).toBe('10');
  });

  test('is settled by the handler, up, down and again, also on credit', async () => {
    const { get, statuses, made, clock } = await start({ limit: 10, cost: 4 });
    expect((await get('/costs/1')).headers.get('ratelimit')).toBe('"default";r=9;t=10');
    expect((await get('/costs/6')).headers.get('ratelimit')).toBe('"default";r=3;t=10');
    expect(await statuses(1)).toEqual([429]);
    clock.advance(10_000);
    expect((await get('/costs/15')).headers.get('ratelimit')).toBe('"default";r=0;t=10');
    expect(await statuses(1)).toEqual([429]);
    expect(made.stats!()).toMatchObject({ givenBackTotal: 3, chargedTotal: 13 });
  });

  test('is settled when the answer is done, by a function, unless the handler has', async () => {
    const { statuses, made } = await start({
      limit: 10,
      cost: 5,
      settle: ({ res }) => Number(res.getHeader('content-length')),
    });
    await statuses(2, '/');
    await until(() => made.stats!()['givenBackTotal'] === 2);
    expect((await made.peek('127.0.0.1')).policies[0]!.remaining).toBe(2);
    expect(await statuses(1, '/costs/2')).toEqual([429]);
    await made.reset('127.0.0.1');
    expect(await statuses(1, '/costs/2')).toEqual([200]);
    expect((await made.peek('127.0.0.1')).policies[0]!.remaining).toBe(8);
  });

  test('settling what was not taken does nothing, and what is no cost is said', async () => {
    const { made } = await start();
    const exchange = { getState: () => undefined } as unknown as Exchange;
    expect(made.settle(exchange, 3)).toBe(false);
    expect(() => made.settle(exchange, -1)).toThrow(RangeError);
    expect(() => made.settle(exchange, Number.NaN)).toThrow(/cost must be a number from 0/);
  });

  test('is given back for answers that failed, or for those that did not', async () => {
    const failed = await start({ limit: 2, skipFailed: true });
    expect(await failed.statuses(3, '/fails')).toEqual([500, 500, 500]);
    await until(() => failed.made.stats!()['givenBackTotal'] === 3);
    expect(await failed.statuses(3)).toEqual([200, 200, 429]);
    expect(failed.made.stats!()).toMatchObject({ givenBackTotal: 3 });
    const fine = await start({ limit: 2, skipSuccessful: true });
    expect(await fine.statuses(3)).toEqual([200, 200, 200]);
    await until(() => fine.made.stats!()['givenBackTotal'] === 3);
    expect(await fine.statuses(3, '/fails')).toEqual([500, 500, 429]);
  });

  test('is not given back to whoever goes before the answer', async () => {
    const { url, made, statuses } = await start({
      limit: 1,
      skipSuccessful: true,
      skipFailed: true,
    });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET /hangs HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => made.stats!()['allowedTotal'] === 1);
    socket.destroy();
    await until(() => false, 50);
    expect(await statuses(1)).toEqual([429]);
  });
});

describe('fields', () => {
  test('are Lists of Structured Fields (RFC 9651), one member a policy', async () => {
    const { get, clock } = await start({
      policies: {
        burst: { limit: 2, windowMs: 1500 },
        'per_day.1': { limit: 50, windowMs: 86_400_000 },
      },
    });
    await get();
    clock.advance(600);
    const { headers } = await get();
    expect(members(headers.get('ratelimit-policy'))).toEqual([
      ['burst', { q: 2, w: 2 }],
      ['per_day.1', { q: 50, w: 86_400 }],
    ]);
    expect(members(headers.get('ratelimit'))).toEqual([
      ['burst', { r: 0, t: 1 }],
      ['per_day.1', { r: 48, t: 86_400 }],
    ]);
  });

  test('come with refusals too, and never promise more than Retry-After', async () => {
    const { get, statuses } = await start();
    await statuses(3);
    const { headers } = await get();
    expect(members(headers.get('ratelimit'))).toEqual([['default', { r: 0, t: 10 }]]);
    expect(headers.get('retry-after')).toBe('10');
  });

  test('tell no second more than there is, whatever the clock makes of differences', async () => {
    const { get, statuses, clock } = await start();
    // The sum of this and 10 000, less this, is a little more than 10 000.
    clock.advance(6384.4);
    const { headers } = await get();
    expect(members(headers.get('ratelimit'))).toEqual([['default', { r: 2, t: 10 }]]);
    await statuses(2);
    expect((await get()).headers.get('retry-after')).toBe('10');
  });

  test('say nothing of a reset where all is there', async () => {
    const { get } = await start({ cost: 0 });
    expect((await get()).headers.get('ratelimit')).toBe('"default";r=3');
  });

  test('name the partition by a digest, the same for one client', async () => {
    const { get } = await start({ partitionKey: true });
    const { headers } = await get();
    const [first] = parseList(headers.get('ratelimit-policy')!);
    const pk = first![1].get('pk') as ArrayBuffer;
    expect(pk.byteLength).toBe(12);
    expect(headers.get('ratelimit-policy')).not.toContain('127.0.0.1');
    const other = parseList((await get()).headers.get('ratelimit')!);
    expect(Buffer.from(other[0]![1].get('pk') as ArrayBuffer)).toEqual(Buffer.from(pk));
    const stranger = parseList((await get('/', from('203.0.113.7'))).headers.get('ratelimit')!);
    expect(Buffer.from(stranger[0]![1].get('pk') as ArrayBuffer)).not.toEqual(Buffer.from(pk));
  });

  test('can be left out, and the old ones added, for the policy that has the least left', async () => {
    const { get, clock } = await start({
      headers: false,
      legacyHeaders: true,
      policies: { wide: { limit: 100 }, tight: { limit: 2 }, trial: { limit: 1, shadow: true } },
    });
    const { headers } = await get();
    expect(headers.get('ratelimit')).toBeNull();
    expect(headers.get('ratelimit-policy')).toBeNull();
    expect(headers.get('x-ratelimit-limit')).toBe('2');
    expect(headers.get('x-ratelimit-remaining')).toBe('1');
    expect(headers.get('x-ratelimit-reset')).toBe(String(clock.now() / 1000 + 10));
  });

  test('of two limiters stand side by side', async () => {
    const { get } = await start({}, { more: [rateLimit({ policies: { second: { limit: 9 } } })] });
    expect(members((await get()).headers.get('ratelimit')).map(([name]) => name)).toEqual(
      expect.arrayContaining(['default', 'second']),
    );
  });
});

describe('shadow', () => {
  test('refuses nothing, tells clients nothing, and counts', async () => {
    const events: RateLimitEvent[] = [];
    const { statuses, get, made } = await start({
      shadow: true,
      onEvent: (event) => events.push(event),
    });
    expect(await statuses(4)).toEqual([200, 200, 200, 200]);
    expect((await get()).headers.get('ratelimit')).toBeNull();
    expect(made.stats!()).toMatchObject({
      allowedTotal: 5,
      deniedTotal: 0,
      routes: { '*': { default: { allowedTotal: 3, deniedTotal: 0, wouldDenyTotal: 2 } } },
    });
    expect(events).toHaveLength(2);
    expect(events[0]).toMatchObject({ type: 'refused', shadow: true, policies: ['default'] });
  });

  test('what it would have refused has taken nothing', async () => {
    const { statuses, made, clock } = await start({ shadow: true, limit: 1 });
    await statuses(1);
    clock.advance(5000);
    await statuses(1);
    clock.advance(5000);
    await statuses(1);
    expect(made.stats!()['routes']).toMatchObject({
      '*': { default: { allowedTotal: 2, wouldDenyTotal: 1 } },
    });
  });

  test('of one policy beside others that hold', async () => {
    const { statuses, get, made } = await start({
      policies: { now: { limit: 3 }, next: { limit: 1, shadow: true } },
    });
    expect((await get()).headers.get('ratelimit-policy')).toBe('"now";q=3;w=10');
    expect(await statuses(3)).toEqual([200, 200, 429]);
    expect(made.stats!()['routes']).toEqual({
      '*': {
        now: { allowedTotal: 3, deniedTotal: 1, degradedTotal: 0, wouldDenyTotal: 0 },
        next: { allowedTotal: 1, deniedTotal: 0, degradedTotal: 0, wouldDenyTotal: 3 },
      },
    });
  });
});

describe('without a request', () => {
  test('keys are looked at, taken from, and forgotten', async () => {
    const { made, statuses } = await start({ policies: { a: { limit: 3 }, b: { limit: 100 } } });
    await statuses(1);
    expect(await made.peek('127.0.0.1')).toEqual({
      allowed: true,
      retryAfterMs: 0,
      degraded: false,
      policies: [
        { policy: 'a', limit: 3, remaining: 2, resetMs: 10_000, violated: false },
        { policy: 'b', limit: 100, remaining: 99, resetMs: 10_000, violated: false },
      ],
    });
    expect((await made.consume('127.0.0.1', { units: 2 })).allowed).toBe(true);
    expect(await made.peek('127.0.0.1')).toMatchObject({ allowed: false, retryAfterMs: 10_000 });
    const refused = await made.consume('127.0.0.1');
    expect(refused).toMatchObject({ allowed: false, retryAfterMs: 10_000 });
    expect(refused.policies[1]).toMatchObject({ remaining: 97, violated: false });
    expect(await statuses(1)).toEqual([429]);
    await made.reset('127.0.0.1');
    expect(await statuses(1)).toEqual([200]);
  });

  test('whom everybody counts with is one', async () => {
    const { made, statuses } = await start({ limit: 2, by: 'none' });
    expect((await made.consume('a')).allowed).toBe(true);
    expect((await made.consume('b')).allowed).toBe(true);
    expect((await made.consume('c')).allowed).toBe(false);
    expect(await statuses(1)).toEqual([429]);
  });

  test('long keys are the ones that requests have', async () => {
    const { made, statuses } = await start({ limit: 1, by: ({ req }) => req.get('x-tenant') });
    const tenant = 'a'.repeat(100);
    await statuses(1, '/', { 'x-tenant': tenant });
    expect((await made.peek(`own:${tenant}`)).allowed).toBe(false);
    expect((await made.peek(`user:${tenant}`)).allowed).toBe(true);
    expect(made.top()[0]!.key).toMatch(/^own:[\w-]{43}$/);
    await made.reset(`own:${tenant}`);
    expect(await statuses(1, '/', { 'x-tenant': tenant })).toEqual([200]);
  });

  test('an address is its network, however it is written', async () => {
    const { made, statuses } = await start({ limit: 1 });
    await statuses(1, '/', from('2001:db8:0:100::1'));
    expect((await made.peek('2001:DB8:0:1FF::9')).allowed).toBe(false);
    expect((await made.peek('2001:db8:0:100::/56')).allowed).toBe(false);
    await made.reset('2001:db8:0:100::1');
    expect(await statuses(1, '/', from('2001:db8:0:100::1'))).toEqual([200]);
  });

  test('everybody passes once it is closed', async () => {
    const { made } = await start({ limit: 1 });
    await made.consume('a');
    await made.close!();
    expect(await made.consume('a')).toMatchObject({ allowed: true, policies: [] });
    expect(await made.consume('a')).toMatchObject({ allowed: true });
    expect(made.stats!()).toMatchObject({ keys: 0 });
  });

  test('paths decide which policies hold', async () => {
    const { made } = await start({
      routes: { '/free': false, '/login': { policies: { default: { limit: 1 } } } },
    });
    expect((await made.consume('user:ada', { path: '/login' })).allowed).toBe(true);
    expect((await made.consume('user:ada', { path: '/login' })).allowed).toBe(false);
    expect((await made.consume('user:ada', { path: '/free' })).policies).toEqual([]);
    expect((await made.peek('user:ada', { path: '/free' })).allowed).toBe(true);
    expect((await made.peek('user:ada')).policies[0]!.remaining).toBe(3);
    await expect(made.consume('user:ada', { units: -1 })).rejects.toThrow(RangeError);
  });
});

describe('what it tells', () => {
  test('events, on the channel too, and none without refusals', async () => {
    const heard: unknown[] = [];
    const listener = (event: unknown): void => void heard.push(event);
    diagnostics.subscribe(RATE_LIMIT_CHANNEL, listener);
    const { statuses } = await start({ routes: { '/a/:b': {} } });
    await statuses(4, '/a/1');
    diagnostics.unsubscribe(RATE_LIMIT_CHANNEL, listener);
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatchObject({
      type: 'refused',
      policies: ['default'],
      route: '/a/:b',
      retryAfterMs: 10_000,
      shadow: false,
    });
  });

  test('those who ask for the most, refused ones as well', async () => {
    const { statuses, made } = await start();
    await statuses(5, '/', from('203.0.113.7'));
    await statuses(1, '/', from('203.0.113.8'));
    expect(made.top(5)).toEqual([
      { key: '203.0.113.7', units: 5, error: 0, refused: 2 },
      { key: '203.0.113.8', units: 1, error: 0, refused: 0 },
    ]);
    expect(made.top(1)).toHaveLength(1);
  });

  test('decisions per policy and route, and how many keys it holds', async () => {
    const { statuses, made } = await start({ maxKeys: 2, routes: { '/login': {} } });
    await statuses(4);
    await statuses(1, '/login', from('203.0.113.7'));
    await statuses(1, '/login', from('203.0.113.8'));
    expect(made.stats!()).toMatchObject({
      keys: 2,
      evictedTotal: 1,
      allowedTotal: 5,
      deniedTotal: 1,
      store: 'none',
      limitRatio: 1,
      routes: {
        '*': { default: { allowedTotal: 3, deniedTotal: 1 } },
        '/login': { default: { allowedTotal: 2, deniedTotal: 0 } },
      },
    });
    expect(await made.health!(AbortSignal.timeout(1000))).toEqual({ status: 'pass' });
  });
});

test('a burst for all is for those policies that know one', () => {
  const policies = { even: { algorithm: 'gcra' }, day: { windowMs: 86_400_000 } } as const;
  expect(() => rateLimit({ burst: 5, policies })).not.toThrow();
});

describe('options that are wrong', () => {
  test.each([
    [{ limit: 0 }, /option "limit" must be a whole number, at least 1/],
    [{ windowMs: 2 ** 31 }, /windowMs/],
    [{ policies: { 'a b': {} } }, /a policy's name must be letters/],
    [{ policies: { a: { limt: 1 } } }, /policy "a".*did you mean "limit"/],
    [{ policies: { a: 5 } }, /policies/],
    [{ routes: { '/(': {} } }, /no path pattern/],
    [{ routes: { '/a': { policies: { b: { limit: -1 } } } } }, /route "\/a": policy "b"/],
    [{ routes: { '/a': { limit: 1 } } }, /route "\/a".*"limit" is unknown/],
    [{ store: {} }, /option "store" must be a store of counters \(with add\)/],
    [{ adaptive: { minRatio: 2 } }, /adaptive: option "minRatio"/],
    [{ by: 'ip' }, /option "by" must be one of "address"/],
    [{ burst: 5 }, /option "burst" is 5, but the algorithm "sliding" knows none; choose/],
    [{ policies: { a: { algorithm: 'fixed', burst: 5 } } }, /policy "a".*"fixed" knows none/],
  ])('%j', (options, message) => {
    expect(() => rateLimit(options as unknown as Partial<RateLimitOptions>)).toThrow(message);
  });
});

/** Members of a List: a String and its parameters. */
function members(field: string | null): [unknown, Record<string, unknown>][] {
  return parseList(field ?? '').map(([name, parameters]) => [
    name,
    Object.fromEntries(parameters as Map<string, unknown>),
  ]);
}

/** Waits until something is so, or a while. */
async function until(isSo: () => boolean, patienceMs = 5000): Promise<void> {
  const endMs = performance.now() + patienceMs;
  while (!isSo() && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The document of a refusal. */
async function problem(answer: globalThis.Response): Promise<Record<string, unknown>> {
  return (await answer.json()) as Record<string, unknown>;
}
