import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import express, { type Express } from 'express';
import { exchangeOf, FAULT_CHANNEL, type Fault, memoryStore, storeUnavailable } from '@org/core';
import { type FakeClock, fakeClock, serve, type Served } from '@org/core/testing';
import {
  reputation,
  type Reputation,
  type ReputationOptions,
  SECURITY_CHANNEL,
  type SecurityEvent,
} from '@org/security';

let clock: FakeClock;
const open: { close?(): unknown }[] = [];
beforeEach(() => {
  clock = fakeClock();
});
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close?.();
});

interface Site {
  readonly guard: Reputation;
  readonly served: Served;
  /** Sends a request; `from` is its client, told by a proxy on loopback. */
  get(path: string, from?: string, headers?: Record<string, string>): Promise<globalThis.Response>;
  /** Does something bad from an address so many times; answers the last status. */
  attack(
    from: string | undefined,
    times: number,
    headers?: Record<string, string>,
  ): Promise<number>;
}

async function site(
  options: Partial<ReputationOptions> = {},
  prepare: (app: Express) => void = (app) => void app.set('trust proxy', 'loopback'),
): Promise<Site> {
  const guard = reputation({ clock, ...options });
  const app = express();
  prepare(app);
  app.use(guard);
  app.get('/bad', (req, res) => {
    guard.note(exchangeOf(req, res), Number(req.query.points ?? 1), 'sql-injection');
    res.sendStatus(400);
  });
  app.get('/', (_req, res) => void res.send('fine'));
  const served = await serve(app);
  open.push(served, guard);
  const get: Site['get'] = (path, from, headers = {}) =>
    fetch(served.url + path, {
      headers: { ...headers, ...(from === undefined ? {} : { 'X-Forwarded-For': from }) },
    });
  return {
    guard,
    served,
    get,
    async attack(from, times, headers) {
      let status = 0;
      for (let at = 0; at < times; at++) ({ status } = await get('/bad', from, headers));
      return status;
    },
  };
}

const A = '203.0.113.1';
const B = '203.0.113.2';

/** Collects what is told on the channel of faults. */
function faults(): Fault[] {
  const told: Fault[] = [];
  const listen = (fault: unknown): void => void told.push(fault as Fault);
  subscribe(FAULT_CHANNEL, listen);
  open.push({ close: () => unsubscribe(FAULT_CHANNEL, listen) });
  return told;
}

describe('points', () => {
  test('block at the threshold, that address alone, with a problem and Retry-After', async () => {
    const { attack, get } = await site();
    expect(await attack(A, 4)).toBe(400);
    expect((await get('/', A)).status).toBe(200);
    expect(await attack(A, 1)).toBe(400);
    const refused = await get('/', A);
    expect(refused.status).toBe(403);
    expect(refused.headers.get('retry-after')).toBe('600');
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect(await refused.json()).toMatchObject({ status: 403, code: 'ERR_ADDRESS_BLOCKED' });
    expect((await get('/', B)).status).toBe(200);
  });

  test('count in full until the window is over, and fade over the next one', async () => {
    const { attack, get } = await site({ windowMs: 1000 });
    await attack(A, 4);
    clock.advance(999);
    await attack(A, 1);
    expect((await get('/', A)).status).toBe(403);

    await attack(B, 4);
    clock.advance(1500);
    // Half of the four is left: two more do not make five, three do.
    await attack(B, 2);
    expect((await get('/', B)).status).toBe(200);
    await attack(B, 1);
    expect((await get('/', B)).status).toBe(403);
  });

  test('are forgotten after two windows', async () => {
    const { attack, get } = await site({ windowMs: 1000 });
    await attack(A, 4);
    clock.advance(2000);
    await attack(A, 4);
    expect((await get('/', A)).status).toBe(200);
  });

  test('may weigh more than one; none at all count nothing', async () => {
    const { get, guard } = await site();
    for (const points of ['0', '-3', 'NaN']) await get(`/bad?points=${points}`, A);
    expect(guard.stats()).toMatchObject({ notedTotal: 0, tracked: 0 });
    await get('/bad?points=5', A);
    expect((await get('/', A)).status).toBe(403);
  });

  test('of requests of the house’s own count nothing, and those are never refused', async () => {
    const { guard, get } = await site({}, (app) => {
      app.set('trust proxy', 'loopback');
      app.use((req, res, next) => {
        exchangeOf(req, res).internal = true;
        next();
      });
    });
    guard.block(A);
    await get('/bad?points=9', B);
    expect(guard.list()).toHaveLength(1);
    expect((await get('/', A)).status).toBe(200);
  });
});

describe('a block', () => {
  test('ends by itself, and is twice as long each time, up to the longest', async () => {
    const { get, guard } = await site({ blockMs: 10_000, maxBlockMs: 35_000 });
    for (const seconds of [10, 20, 35, 35]) {
      await get('/bad?points=5', A);
      const refused = await get('/', A);
      expect(refused.headers.get('retry-after')).toBe(String(seconds));
      clock.advance(seconds * 1000 - 1);
      expect((await get('/', A)).status).toBe(403);
      clock.advance(1);
      expect((await get('/', A)).status).toBe(200);
    }
    expect(guard.list()).toEqual([]);
  });

  test('that was long ago does not make the next one longer', async () => {
    const { get } = await site({ blockMs: 10_000, maxBlockMs: 35_000 });
    await get('/bad?points=5', A);
    clock.advance(45_000);
    await get('/bad?points=5', A);
    expect((await get('/', A)).headers.get('retry-after')).toBe('10');
  });

  test('by hand takes the longest time, or the one that is given', async () => {
    const { guard, get } = await site();
    guard.block(A);
    guard.block(B, { durationMs: 5000, reason: 'asked for it' });
    expect(guard.list()).toEqual([
      {
        key: A,
        reason: 'blocked by an operator',
        manual: true,
        strikes: 1,
        untilAt: clock.now() + 86_400_000,
      },
      { key: B, reason: 'asked for it', manual: true, strikes: 1, untilAt: clock.now() + 5000 },
    ]);
    expect((await get('/', B)).status).toBe(403);
    clock.advance(5000);
    expect((await get('/', B)).status).toBe(200);
    expect(() => guard.block(A, { durationMs: 0 })).toThrow(RangeError);
  });

  test('can be lifted, and what led to it is forgotten', async () => {
    const { guard, get, attack } = await site();
    await attack(A, 5);
    expect(guard.lift(A)).toBe(true);
    expect(guard.lift(A)).toBe(false);
    expect(await attack(A, 4)).toBe(400);
    expect((await get('/', A)).status).toBe(200);
    await attack(A, 1);
    expect((await get('/', A)).headers.get('retry-after')).toBe('600');
  });

  test('is of addresses only', async () => {
    const { guard } = await site();
    for (const wrong of ['', 'localhost', '10.0.0.0/8', '2001:db8::/32', '1.2.3']) {
      expect(() => guard.block(wrong)).toThrow(RangeError);
      expect(() => guard.lift(wrong)).toThrow(RangeError);
    }
  });
});

describe('an address', () => {
  test('of IPv6 stands for its network', async () => {
    const { attack, get, guard } = await site();
    for (let at = 0; at < 5; at++) await attack(`2001:db8:0:1a${at}::${at}`, 1);
    expect(guard.list()[0]!.key).toBe('2001:db8:0:100::/56');
    expect((await get('/', '2001:db8:0:1ff:ffff::1')).status).toBe(403);
    expect((await get('/', '2001:db8:0:200::1')).status).toBe(200);
    expect(guard.lift('2001:db8:0:1ff::7')).toBe(true);
  });

  test('that is mapped into IPv6 is the IPv4 address', async () => {
    const { attack, get, guard } = await site({ deny: ['::ffff:198.51.100.0/120'] });
    await attack(`::ffff:${A}`, 5);
    expect(guard.list()[0]!.key).toBe(A);
    expect((await get('/', A)).status).toBe(403);
    expect((await get('/', '::ffff:198.51.100.7')).status).toBe(403);
    expect((await get('/', '198.51.101.7')).status).toBe(200);
  });

  test('is the peer’s own where no proxy is trusted, whatever it claims', async () => {
    const told = faults();
    const { attack, get, guard } = await site({}, () => undefined);
    await attack(A, 3);
    await attack(B, 2);
    expect(guard.list()[0]!.key).toBe('127.0.0.1');
    expect((await get('/', '198.51.100.1')).status).toBe(403);
    // Told once: of a proxy that nobody trusts.
    expect(told).toHaveLength(1);
    expect(String(told[0]!.error)).toContain("app.set('trust proxy', '127.0.0.1')");
  });

  test('that is none is nobody’s: no text of a client’s can name an account, or fill the memory', async () => {
    const { attack, get, guard } = await site({}, (app) => {
      app.set('trust proxy', true);
      app.use((req, res, next) => {
        exchangeOf(req, res).principal = req.get('user');
        next();
      });
    });
    await attack(A, 5, { user: 'ada' });
    const [{ key } = { key: '' }] = guard.list();
    expect(key).toMatch(/^principal:/);
    guard.lift(key);
    await attack(key, 5);
    await attack('x'.repeat(5000), 5);
    expect((await get('/', B, { user: 'ada' })).status).toBe(200);
    expect(guard.stats()).toMatchObject({ tracked: 0, blocks: 0 });
    // And who is known pays all the same, and is no less blocked.
    expect(await attack('nowhere', 6, { user: 'eve' })).toBe(403);
  });

  test('of a trusted proxy raises no warning', async () => {
    const told = faults();
    const { get } = await site();
    await get('/', A);
    expect(told).toEqual([]);
  });
});

describe('is never blocked:', () => {
  test('the operator’s own proxy, when nothing tells of a client behind it', async () => {
    const { attack, get, guard } = await site();
    expect(await attack(undefined, 9)).toBe(400);
    guard.block('127.0.0.1');
    expect((await get('/')).status).toBe(200);
    expect(guard.stats()).toMatchObject({ exemptTotal: 9, notedTotal: 0 });
  });

  test('a proxy further away that the setting names', async () => {
    const { attack, get, guard } = await site(
      { deny: ['10.0.0.0/8'] },
      (app) => void app.set('trust proxy', ['loopback', '10.1.0.0/16']),
    );
    await attack('10.1.0.7', 9);
    expect(guard.stats()).toMatchObject({ exemptTotal: 9 });
    expect((await get('/', '10.1.0.7')).status).toBe(200);
    expect((await get('/', '10.2.0.7')).status).toBe(403);
  });

  test('what is allowed, though it is denied or blocked by hand', async () => {
    const { attack, get, guard } = await site({
      allow: ['198.51.100.0/24', '2001:db8:ffff::/48'],
      deny: ['198.51.100.7'],
    });
    guard.block('198.51.100.8');
    await attack('198.51.100.9', 9);
    await attack('2001:db8:ffff::1', 9);
    for (const from of ['198.51.100.7', '198.51.100.8', '198.51.100.9', '2001:db8:ffff::1']) {
      expect((await get('/', from)).status).toBe(200);
    }
    expect((await get('/', '198.51.101.7')).status).toBe(200);
  });

  test('whoever connects directly where a number of hops is trusted; the hop behind is a client', async () => {
    const { attack, get } = await site({}, (app) => void app.set('trust proxy', 1));
    expect(await attack(undefined, 9)).toBe(400);
    await attack(A, 5);
    expect((await get('/', A)).status).toBe(403);
  });
});

describe('lists', () => {
  test('deny for good, without Retry-After', async () => {
    const { get } = await site({ deny: ['203.0.113.0/24', '2001:db8::/32'] });
    for (const from of [A, B, '2001:db8:1::1']) {
      const refused = await get('/', from);
      expect(refused.status).toBe(403);
      expect(refused.headers.has('retry-after')).toBe(false);
      expect(await refused.json()).toMatchObject({ code: 'ERR_ADDRESS_DENIED' });
    }
    expect((await get('/', '2001:db9::1')).status).toBe(200);
  });

  test('let only in what is listed, where that is asked for; the proxy itself too', async () => {
    const { get } = await site({ allowOnly: true, allow: [A] });
    expect((await get('/', A)).status).toBe(200);
    expect((await get('/')).status).toBe(200);
    expect((await get('/', B)).status).toBe(403);
  });

  test.each([
    [{ allowOnly: true }, '"allowOnly" would let nobody in'],
    [{ deny: ['10.0.0.0/33'] }, 'an IP address, or a network'],
    [{ allow: ['example.com'] }, 'an IP address, or a network'],
    [{ allow: ['10.0.0.0/8/8'] }, 'an IP address, or a network'],
    [{ blockMs: 10, maxBlockMs: 9 }, '"maxBlockMs" must be at least blockMs'],
    [{ threshold: 0 }, 'a number above 0'],
  ])('that make no sense are refused: %j', (options, message) => {
    expect(() => reputation(options)).toThrow(message);
  });
});

describe('those who are known', () => {
  const authenticated = (app: Express): void => {
    app.set('trust proxy', 'loopback');
    app.use((req, res, next) => {
      exchangeOf(req, res).principal = req.get('X-User');
      next();
    });
  };

  test('pay for themselves first: one of many does not have all blocked', async () => {
    const { attack, get, guard } = await site({}, authenticated);
    await attack(A, 5, { 'X-User': 'mallory' });
    expect((await get('/', A, { 'X-User': 'mallory' })).status).toBe(403);
    expect((await get('/', B, { 'X-User': 'mallory' })).status).toBe(403);
    expect((await get('/', A, { 'X-User': 'alice' })).status).toBe(200);
    expect((await get('/', A)).status).toBe(200);
    const [{ key } = { key: '' }] = guard.list();
    expect(key).toMatch(/^principal:[\w-]{43}$/);
    expect(guard.lift(key)).toBe(true);
    expect((await get('/', A, { 'X-User': 'mallory' })).status).toBe(200);
  });

  test('are served from an address that others had blocked, unless an operator did', async () => {
    const { attack, get, guard } = await site({}, authenticated);
    await attack(A, 5);
    expect((await get('/', A)).status).toBe(403);
    expect((await get('/', A, { 'X-User': 'alice' })).status).toBe(200);
    expect(guard.stats()).toMatchObject({ relievedTotal: 1 });
    guard.block(B);
    expect((await get('/', B, { 'X-User': 'alice' })).status).toBe(403);
  });

  test('have their address pay once they are blocked themselves', async () => {
    const { attack, guard } = await site({ mode: 'detect' }, authenticated);
    await attack(A, 9, { 'X-User': 'mallory' });
    expect(guard.list()).toMatchObject([{ key: expect.stringContaining('principal:') as string }]);
    await attack(A, 1, { 'X-User': 'mallory' });
    expect(guard.list().map(({ key }) => key)).toContain(A);
  });

  test('are asked for without marking the answer as theirs', async () => {
    let marked: boolean | undefined;
    const { attack, get, served } = await site({}, (app) => {
      authenticated(app);
      app.get('/marked', (req, res) => {
        res.on('finish', () => (marked = exchangeOf(req, res).principalRead));
        res.sendStatus(204);
      });
    });
    expect(served.url).toContain('127.0.0.1');
    await attack(A, 5, { 'X-User': 'mallory' });
    await get('/marked', A, { 'X-User': 'alice' });
    expect(marked).toBe(false);
  });
});

describe('detecting', () => {
  test('refuses nobody, and tells of all that would be', async () => {
    const events: SecurityEvent[] = [];
    const { attack, get, guard } = await site({
      mode: 'detect',
      deny: [B],
      onEvent: (event) => events.push(event),
    });
    await attack(A, 6);
    expect((await get('/', A)).status).toBe(200);
    expect((await get('/', B)).status).toBe(200);
    expect(guard.list()).toMatchObject([{ key: A, strikes: 1, manual: false }]);
    const refused = events.filter((event) => event.type === 'refused');
    expect(refused).toMatchObject([
      { part: 'reputation', reason: 'blocked', enforced: false },
      { reason: 'blocked', enforced: false },
      { reason: 'denied', enforced: false },
    ]);
    expect(guard.stats()).toMatchObject({ refusedTotal: 3, blockedTotal: 1 });
  });
});

describe('what is told', () => {
  test('of points, blocks and lifts, to the hook and on the channel', async () => {
    const hooked: SecurityEvent[] = [];
    const heard: unknown[] = [];
    const listen = (event: unknown): void => void heard.push(event);
    subscribe(SECURITY_CHANNEL, listen);
    open.push({ close: () => unsubscribe(SECURITY_CHANNEL, listen) });
    const { get, guard } = await site({ onEvent: (event) => hooked.push(event) });
    await get('/bad?points=5', A);
    guard.lift(A);
    expect(hooked).toEqual(heard);
    expect(hooked).toMatchObject([
      { type: 'noted', key: A, points: 5, score: 5, reason: 'sql-injection' },
      { type: 'blocked', key: A, reason: 'sql-injection', durationMs: 600_000, by: 'points' },
      { type: 'lifted', key: A },
    ]);
  });

  test('in problems and numbers', async () => {
    const { attack, get, guard } = await site();
    await attack(A, 5);
    await get('/', A);
    expect(guard.stats()).toEqual({
      tracked: 0,
      blocks: 1,
      notedTotal: 5,
      exemptTotal: 0,
      blockedTotal: 1,
      refusedTotal: 1,
      relievedTotal: 0,
      storeFailuresTotal: 0,
    });
  });
});

describe('operators', () => {
  test('list and lift blocks from loopback; nobody else does', async () => {
    const { guard, get, served } = await site();
    guard.block(A);
    guard.block('2001:db8::1');
    const path = '/api/middleware/blocks';
    const listed = await fetch(served.url + path);
    expect(listed.headers.get('cache-control')).toBe('no-store');
    expect(await listed.json()).toEqual({ blocks: guard.list() });
    for (const stranger of [B, A]) expect((await get(path, stranger)).status).toBe(403);

    const lift = (key: string) =>
      fetch(`${served.url}${path}/${encodeURIComponent(key)}`, { method: 'DELETE' });
    expect((await lift(A)).status).toBe(204);
    expect((await lift(A)).status).toBe(404);
    expect((await lift('2001:db8::/56')).status).toBe(204);
    expect((await lift('nonsense')).status).toBe(404);
    expect((await fetch(`${served.url}${path}/%E0%A4%A`, { method: 'DELETE' })).status).toBe(404);
    expect(guard.list()).toEqual([]);

    const wrong = await fetch(served.url + path, { method: 'POST' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect((await fetch(`${served.url}${path}/${A}`)).status).toBe(405);
    expect((await fetch(`${served.url}${path}ade`)).status).toBe(404);
  });

  test('get in with the token, also from an address that is blocked', async () => {
    const access = 'a-token-of-sixteen';
    const { guard, get } = await site({ access, path: '/ops/blocks' });
    guard.block(A);
    expect((await get('/ops/blocks', A)).status).toBe(403);
    const listed = await get('/ops/blocks?all', A, { Authorization: `Bearer ${access}` });
    expect(listed.status).toBe(200);
  });

  test('may do without the path', async () => {
    const { get } = await site({ path: false });
    expect((await get('/api/middleware/blocks')).status).toBe(404);
  });
});

describe('a flood', () => {
  function refuses(guard: Reputation, exchange: never): number {
    try {
      void guard.step!(exchange);
      return 0;
    } catch {
      return 1;
    }
  }

  test('of a million spoofed addresses keeps to its bound, and the block that is in use', () => {
    const guard = reputation({ clock, maxEntries: 10_000, threshold: 2, throwRefusals: true });
    open.push(guard);
    const app = { get: () => undefined };
    const exchangeFrom = (ip: string) =>
      ({
        req: { ip, app, socket: {}, headers: {}, url: '/' },
        peekPrincipal: () => undefined,
      }) as never;
    const attacker = exchangeFrom('192.0.2.1');
    let refused = 0;
    guard.note(attacker, 2, 'first');
    for (let at = 0; at < 1_000_000; at++) {
      const ip = `${10 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}.9`;
      guard.note(exchangeFrom(ip), at % 2 === 0 ? 1 : 2, 'flood');
      if (at % 1000 === 0) refused += refuses(guard, attacker);
    }
    expect(refused).toBe(1000);
    const { tracked, blocks } = guard.stats();
    // One who is blocked has no points any more, and makes place.
    expect(tracked).toBeLessThanOrEqual(10_000);
    expect(blocks).toBe(10_000);
    expect(guard.list()).toHaveLength(10_000);
  });
});

describe('processes that share a store', () => {
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  test('add up their points, and hear of blocks and lifts', async () => {
    const store = memoryStore({ clock });
    open.push(store);
    const [one, two] = [await site({ store }), await site({ store })];
    await Promise.all([one.guard.start(), two.guard.start()]);
    await one.attack(A, 3);
    await two.attack(A, 2);
    await settled();
    expect((await one.get('/', A)).status).toBe(403);
    expect((await two.get('/', A)).status).toBe(403);
    expect(one.guard.list()).toEqual(two.guard.list());
    // Each made it, or heard of it, once.
    for (const { guard } of [one, two]) expect(guard.stats()).toMatchObject({ blockedTotal: 1 });
    one.guard.lift(A);
    await settled();
    expect((await two.get('/', A)).status).toBe(200);
    // What led to it is forgotten, in the store too.
    await two.attack(A, 4);
    await settled();
    expect((await two.get('/', A)).status).toBe(200);
  });

  test('tell those who start later', async () => {
    const store = memoryStore({ clock });
    open.push(store);
    const one = await site({ store });
    await one.guard.start();
    await one.attack(A, 5);
    clock.advance(1000);
    await settled();
    const two = await site({ store });
    // The first request begins it, and need not wait for it.
    await two.get('/');
    expect((await two.get('/', A)).status).toBe(403);
    expect(two.guard.list()).toEqual(one.guard.list());
    await one.guard.close();
    const three = await site({ store });
    await three.guard.start();
    expect((await three.get('/', A)).status).toBe(403);
  });

  test('leave their blocks behind when they close', async () => {
    const store = memoryStore({ clock });
    open.push(store);
    const one = await site({ store });
    await one.guard.start();
    one.guard.block(A);
    await one.guard.close();
    const two = await site({ store });
    await two.guard.start();
    expect((await two.get('/', A)).status).toBe(403);
  });

  test('keep an operator’s block, and else the longer one, where two block at once', async () => {
    const store = memoryStore({ clock });
    open.push(store);
    const { guard } = await site({ store });
    await guard.start();
    const hear = (block: object): void => {
      const blocked = { key: A, reason: 'elsewhere', strikes: 1, ...block };
      void store.publish(
        'reputation:blocks',
        Buffer.from(JSON.stringify({ from: 'other', blocked })),
      );
    };
    const held = () => guard.list().map(({ reason, untilAt }) => [reason, untilAt - clock.now()]);
    hear({ manual: false, untilAt: clock.now() - 1 });
    expect(guard.stats()).toMatchObject({ blockedTotal: 0 });
    hear({ manual: false, untilAt: clock.now() + 600_000 });
    hear({ manual: false, untilAt: clock.now() + 500_000, reason: 'shorter' });
    expect(held()).toEqual([['elsewhere', 600_000]]);
    expect(guard.stats()).toMatchObject({ blockedTotal: 1 });
    hear({ manual: true, untilAt: clock.now() + 1000, reason: 'by hand' });
    hear({ manual: false, untilAt: clock.now() + 600_000 });
    expect(held()).toEqual([['by hand', 1000]]);
  });

  test('count anew after a block', async () => {
    const store = memoryStore({ clock });
    open.push(store);
    const [one, two] = [await site({ store, blockMs: 1000 }), await site({ store, blockMs: 1000 })];
    await Promise.all([one.guard.start(), two.guard.start()]);
    await one.attack(A, 3);
    await two.attack(A, 2);
    await settled();
    clock.advance(1000);
    await one.attack(A, 3);
    await settled();
    expect((await one.get('/', A)).status).toBe(200);
  });

  test('go on alone while the store is away, which is told once, and join it again', async () => {
    const told = faults();
    const store = memoryStore({ clock });
    open.push(store);
    let away = true;
    const unlessAway =
      <A extends unknown[], R>(call: (...args: A) => R) =>
      (...args: A): R => {
        if (away) throw storeUnavailable('this');
        return call(...args);
      };
    const flaky = {
      ...store,
      add: unlessAway(store.add.bind(store)),
      set: unlessAway(store.set.bind(store)),
      publish: unlessAway(store.publish.bind(store)),
    };
    const { attack, get, guard } = await site({ store: flaky });
    await guard.start();
    await attack(A, 5);
    expect((await get('/', A)).status).toBe(403);
    const signal = AbortSignal.timeout(1000);
    expect(await guard.health!(signal)).toMatchObject({ status: 'warn' });
    expect(guard.stats()).toMatchObject({ storeFailuresTotal: 1 });
    clock.advance(1000);
    await attack(B, 1);
    expect(guard.stats()).toMatchObject({ storeFailuresTotal: 2 });
    expect(told.map(({ where }) => where)).toEqual(['reputation store']);

    away = false;
    clock.advance(1000);
    await attack(B, 1);
    await settled();
    expect(await guard.health!(signal)).toEqual({ status: 'pass' });
  });

  test('give up on a store that hangs, and close all the same', async () => {
    const told = faults();
    const store = memoryStore({ clock });
    open.push(store);
    const never = () => new Promise<never>(() => undefined);
    const { attack, guard } = await site({ store: { ...store, add: never, set: never } });
    await guard.start();
    await attack(A, 1);
    clock.advance(500);
    await settled();
    expect(guard.stats()).toMatchObject({ storeFailuresTotal: 1 });
    expect(told.map(({ error }) => (error as { code?: string }).code)).toEqual([
      'ERR_STORE_TIMEOUT',
    ]);
    clock.advance(1000);
    guard.block(B);
    const end = guard.close();
    await settled();
    clock.advance(500);
    await end;
    expect(clock.pending).toBe(0);
  });

  test('ask a slow store no more than so many times at once', async () => {
    const store = memoryStore({ clock });
    open.push(store);
    const add = jest.fn(() => new Promise<never>(() => undefined));
    const { guard } = await site({ store: { ...store, add }, threshold: 1000 });
    await guard.start();
    const from = { ip: A, app: express(), socket: {}, headers: {}, url: '/' };
    const exchange = { req: from, peekPrincipal: () => undefined } as never;
    for (let at = 0; at < 300; at++) guard.note(exchange, 1, 'flood');
    expect(add).toHaveBeenCalledTimes(256);
    expect(guard.stats()).toMatchObject({ notedTotal: 300 });
  });

  test('that could not listen at first do so with a later call', async () => {
    faults();
    const store = memoryStore({ clock });
    open.push(store);
    let away = true;
    const listen: typeof store.subscribe = (...args) => {
      if (away) throw storeUnavailable('this');
      return store.subscribe(...args);
    };
    const [late, other] = [
      await site({ store: { ...store, subscribe: listen } }),
      await site({ store }),
    ];
    await late.guard.start();
    away = false;
    clock.advance(1000);
    await late.attack(B, 1);
    await settled();
    other.guard.block(A);
    expect((await late.get('/', A)).status).toBe(403);
  });

  test('take no heed of what they said themselves', async () => {
    const store = memoryStore({ clock });
    open.push(store);
    const told: string[] = [];
    const { guard } = await site({ store, onEvent: ({ type }) => told.push(type) });
    await guard.start();
    guard.block(A);
    guard.lift(A);
    await settled();
    expect(told).toEqual(['blocked', 'lifted']);
  });

  test('list no more than the thousand longest for those who start later', async () => {
    const store = memoryStore({ clock });
    open.push(store);
    const { guard } = await site({ store });
    await guard.start();
    for (let at = 0; at < 1100; at++) {
      guard.block(`10.0.${at >> 8}.${at & 255}`, { durationMs: 10_000 + at });
    }
    await guard.close();
    const { guard: later } = await site({ store });
    await later.start();
    const kept = later.list().map(({ untilAt }) => untilAt - clock.now());
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([1000, 11_099, 10_100]);
  });

  test('that are closed while they begin to listen do not go on listening', async () => {
    const store = memoryStore({ clock });
    open.push(store);
    let begin: () => void = () => undefined;
    const listen: typeof store.subscribe = async (...args) => {
      await new Promise<void>((resolve) => (begin = resolve));
      return store.subscribe(...args);
    };
    const { guard } = await site({ store: { ...store, subscribe: listen } });
    void guard.start();
    await guard.close();
    begin();
    await settled();
    expect(store.stats?.()).toMatchObject({ channels: 0 });
  });

  test('leave no timer and no subscription once they are closed', async () => {
    const store = memoryStore({ clock });
    open.push(store);
    const { attack, guard } = await site({ store });
    await guard.start();
    await attack(A, 5);
    expect(clock.pending).toBe(1);
    await guard.close();
    await guard.close();
    expect(clock.pending).toBe(0);
    expect(store.stats?.()).toMatchObject({ channels: 0 });
  });
});
