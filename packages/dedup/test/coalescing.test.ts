import express, { type Request, type Response } from 'express';
import * as fc from 'fast-check';
import { type Exchange, exchangeOf, internalRequest, type Middleware } from '@org/core';
import { type FakeClock, fakeClock, serve, type Served } from '@org/core/testing';
import { setup } from '@org/setup';
import { coalescing, type CoalescingOptions, dedup } from '@org/dedup';
import { Flights, type Landing } from '../src/flights.ts';
import { Gate, look, sendByHand, serveApp, until } from './clients.ts';

let served: Served | undefined;
let made: Middleware | undefined;
let clock: FakeClock;
beforeEach(() => {
  clock = fakeClock();
});
afterEach(async () => {
  await served?.close();
  await made?.close?.();
  served = made = undefined;
});

interface Started {
  readonly url: string;
  readonly runs: () => number;
  /** Lets the run of this number answer, from 1 on. */
  readonly let: (run: number) => void;
  readonly count: (name: string) => number;
  /** Until so many wait for a leader. */
  readonly waiting: (count: number) => Promise<void>;
  readonly app: () => express.Express;
}

/** Serves a route whose every run waits until the test lets it answer. */
async function start(
  options: Partial<CoalescingOptions> = {},
  answer: (res: Response, run: number, req: Request) => unknown = (res, run) => res.json({ run }),
  ahead: (app: express.Express) => void = () => undefined,
): Promise<Started> {
  const gates: Gate[] = [];
  const gate = (run: number): Gate => (gates[run - 1] ??= new Gate());
  let runs = 0;
  let app: express.Express | undefined;
  const reads = coalescing({ clock, ...options });
  made = reads;
  served = await serveApp(
    reads,
    (to) => {
      app = to;
      to.all('/{*path}', async (req, res) => {
        const run = ++runs;
        await gate(run).opened;
        await answer(res, run, req);
      });
    },
    clock,
    ahead,
  );
  return {
    url: served.url,
    runs: () => runs,
    let: (run) => gate(run).let(),
    count: (name) => Number(reads.stats?.()[name]),
    waiting: (count) => until(() => reads.stats?.()['waiting'] === count),
    app: () => app!,
  };
}

type Headers = Readonly<Record<string, string>>;
const get = async (url: string, headers: Headers = {}, method = 'GET') =>
  look(await fetch(url, { method, headers }));

/** How many follow: each has been told so when it waits. */
async function crowd(
  started: Started,
  followers: number,
  headers: Headers = {},
): Promise<Promise<Awaited<ReturnType<typeof get>>>[]> {
  const before = started.runs();
  const leader = get(started.url, headers);
  await until(() => started.runs() === before + 1);
  const rest = Array.from({ length: followers }, () => get(started.url, headers));
  await started.waiting(followers);
  return [leader, ...rest];
}

describe('identical reads at the same time', () => {
  it('run once, and all get the answer', async () => {
    const started = await start({}, (res, run) =>
      res.set({ 'X-Own': 'yes', ETag: '"a"' }).json({ run }),
    );
    const all = await crowd(started, 20);
    started.let(1);
    for (const { status, text, headers } of await Promise.all(all)) {
      expect([status, text]).toEqual([200, '{"run":1}']);
      expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect([headers.get('x-own'), headers.get('etag')]).toEqual(['yes', '"a"']);
      expect(headers.get('content-length')).toBe('9');
    }
    expect(started.runs()).toBe(1);
    expect(started.count('followedTotal')).toBe(20);
    expect(started.count('flights')).toBe(0);
  });

  it('are no longer at the same time once the answer is there', async () => {
    const started = await start();
    started.let(1);
    started.let(2);
    expect((await get(started.url)).text).toBe('{"run":1}');
    expect((await get(started.url)).text).toBe('{"run":2}');
    expect(clock.pending).toBe(0);
  });

  it('may be HEAD: the length that GET has, and no body', async () => {
    const started = await start();
    const first = get(started.url, {}, 'HEAD');
    await until(() => started.runs() === 1);
    const second = get(started.url, {}, 'HEAD');
    await started.waiting(1);
    started.let(1);
    for (const { headers, text } of await Promise.all([first, second])) {
      expect([headers.get('content-length'), text]).toEqual(['9', '']);
    }
    expect(started.runs()).toBe(1);
  });

  it('keep what was set ahead of each for itself', async () => {
    let id = 0;
    const started = await start({}, undefined, (app) =>
      app.use((_req, res, next) => {
        res.set('X-Id', String(++id));
        next();
      }),
    );
    const all = await crowd(started, 1);
    started.let(1);
    const answers = await Promise.all(all);
    expect(new Set(answers.map(({ headers }) => headers.get('x-id')))).toEqual(new Set(['1', '2']));
    expect(started.runs()).toBe(1);
  });

  it('work by streams, in a sub-router, and ahead of Express under setup', async () => {
    const reads = coalescing({ clock });
    made = reads;
    const gate = new Gate();
    let runs = 0;
    const app = express();
    const stack = setup(app, [reads]);
    app.get('/', async (_req, res) => {
      runs++;
      res.type('text/plain').write('a');
      await gate.opened;
      res.write('b');
      res.end('c');
    });
    const server = await stack.listen(0, '127.0.0.1');
    const { port } = server.address() as { port: number };
    const url = `http://127.0.0.1:${port}/`;
    const first = get(url);
    await until(() => runs === 1);
    const second = get(url);
    await until(() => reads.stats?.()['waiting'] === 1);
    gate.let();
    expect([(await first).text, (await second).text]).toEqual(['abc', 'abc']);
    expect(runs).toBe(1);
    await stack.close();

    const bare = express();
    const routed = coalescing();
    bare.use(
      '/sub',
      express
        .Router()
        .use(routed)
        .get('/x', (_req, res) => res.send('x')),
    );
    served = await serve(bare);
    expect((await get(`${served.url}/sub/x`)).text).toBe('x');
  });
});

describe('requests are apart', () => {
  const cases: [string, Headers, Headers][] = [
    ['by what they accept', { accept: 'text/html' }, { accept: 'application/json' }],
    ['by coding', { 'accept-encoding': 'gzip' }, { 'accept-encoding': 'br' }],
    ['by language', { 'accept-language': 'de' }, { 'accept-language': 'fr' }],
    ['by token', { authorization: 'Bearer a' }, { authorization: 'Bearer b' }],
    ['by key', { 'x-api-key': 'a' }, { 'x-api-key': 'b' }],
    ['by cookie', { cookie: 's=a' }, { cookie: 's=b' }],
    ['by origin', { origin: 'https://a.example' }, { origin: 'https://b.example' }],
    ['of parts', { range: 'bytes=0-1' }, { range: 'bytes=0-1' }],
    ['under conditions', { 'if-none-match': '"a"' }, { 'if-none-match': '"a"' }],
    ['that ask for what is new', { 'cache-control': 'no-cache' }, { 'cache-control': 'no-cache' }],
  ];
  it.each(cases)('%s', async (_name, one, other) => {
    const started = await start();
    started.let(1);
    started.let(2);
    await Promise.all([get(started.url, one), get(started.url, other)]);
    expect([started.runs(), started.count('followedTotal')]).toEqual([2, 0]);
  });

  it('by version, and by the principal rather than by its token', async () => {
    const started = await start({}, undefined, (app) =>
      app.use((req, res, next) => {
        const exchange = exchangeOf(req, res);
        exchange.version = req.get('x-version');
        exchange.principal = req.get('x-who');
        next();
      }),
    );
    const one = get(started.url, { 'x-version': '1', 'x-who': 'ann', authorization: 'a' });
    await until(() => started.runs() === 1);
    const two = get(started.url, { 'x-version': '2', 'x-who': 'ann', authorization: 'a' });
    await until(() => started.runs() === 2);
    const three = get(started.url, { 'x-version': '1', 'x-who': 'bob', authorization: 'a' });
    await until(() => started.runs() === 3);
    const four = get(started.url, { 'x-version': '1', 'x-who': 'ann', authorization: 'b' });
    await started.waiting(1);
    for (const run of [1, 2, 3]) started.let(run);
    expect((await four).text).toBe('{"run":1}');
    await Promise.all([one, two, three]);
  });

  it('and those of the house itself stand aside', async () => {
    const started = await start();
    const ask = (internal: boolean): Promise<Exchange> =>
      internalRequest(started.app(), { url: '/', clock, internal });
    const asked = [ask(false), ask(true), ask(true)];
    await until(() => started.runs() === 3);
    asked.push(ask(false));
    await started.waiting(1);
    for (const run of [1, 2, 3]) started.let(run);
    await Promise.all(asked);
    expect(started.runs()).toBe(3);
  });
});

describe('an answer is for the one who asked alone', () => {
  const cases: [string, (res: Response) => void, Headers][] = [
    ['that sets a cookie', (res) => res.cookie('s', '1'), {}],
    [
      'that sets a cookie, though it is public',
      (res) => res.cookie('s', '1').set('Cache-Control', 'public'),
      {},
    ],
    ['that is private', (res) => void res.set('Cache-Control', 'private, max-age=1'), {}],
    ['that may not be stored', (res) => void res.set('Cache-Control', 'NO-STORE'), {}],
    ['that varies by everything', (res) => void res.vary('*'), {}],
    ['whose handler asked who is calling', (res) => void exchangeOf(res.req, res).principal, {}],
    [
      'that a library may still change',
      (res) => void Object.assign(exchangeOf(res.req, res), { patchedBefore: true }),
      {},
    ],
    ['that is an event stream', (res) => void res.type('text/event-stream'), {}],
    ['that is too large', (res) => void res.set('X-Large', '1'), {}],
  ];
  it.each(cases)(
    '%s: those who wait ask for themselves, and the next do not wait',
    async (_name, mark, headers) => {
      const started = await start({ maxBodyBytes: 50 }, (res, run) => {
        mark(res);
        res.send(`${run} ${res.get('X-Large') === '1' ? 'x'.repeat(60) : ''}`);
      });
      const all = await crowd(started, 3, headers);
      for (const run of [1, 2, 3, 4, 5, 6]) started.let(run);
      const texts = (await Promise.all(all)).map(({ text }) => text);
      expect(new Set(texts).size).toBe(4);
      expect(started.count('releasedTotal')).toBe(3);
      await Promise.all([get(started.url), get(started.url)]);
      expect([started.runs(), started.count('ledTotal')]).toEqual([6, 1]);
      clock.advance(30_000);
      started.let(7);
      await get(started.url);
      expect(started.count('ledTotal')).toBe(2);
    },
  );

  it('that is private is shared within one caller, whose credentials are in the key', async () => {
    const started = await start({}, (res, run) =>
      res.set('Cache-Control', 'private, no-store').json({ run }),
    );
    const all = await crowd(started, 2, { authorization: 'Bearer a' });
    started.let(1);
    for (const { text } of await Promise.all(all)) expect(text).toBe('{"run":1}');
  });

  it('where credentials are no part of the key, unless it says that it is public', async () => {
    for (const [control, runs] of [
      ['max-age=60', 2],
      ['public', 1],
    ] as const) {
      const started = await start({ partition: 'none' }, (res, run) =>
        res.set('Cache-Control', control).json({ run }),
      );
      const first = get(started.url, { authorization: 'Bearer a' });
      await until(() => started.runs() === 1);
      const second = get(started.url, { authorization: 'Bearer b' });
      await started.waiting(1);
      started.let(1);
      started.let(2);
      await Promise.all([first, second]);
      expect([control, started.runs()]).toEqual([control, runs]);
      await served?.close();
      await made?.close?.();
    }
  });

  it('where the follower differs in what it varies by', async () => {
    const started = await start({}, (res, run, req) =>
      res.vary('X-Tenant').json({ run, tenant: req.get('x-tenant') }),
    );
    const first = get(started.url, { 'x-tenant': 'a' });
    await until(() => started.runs() === 1);
    const same = get(started.url, { 'x-tenant': 'a' });
    const other = get(started.url, { 'x-tenant': 'b' });
    await started.waiting(2);
    started.let(1);
    started.let(2);
    expect((await first).text).toBe('{"run":1,"tenant":"a"}');
    expect((await same).text).toBe('{"run":1,"tenant":"a"}');
    expect((await other).text).toBe('{"run":2,"tenant":"b"}');
  });
});

describe('followers survive', () => {
  it('a leader that fails: one of them leads, the others wait for it', async () => {
    const started = await start({}, (res, run) => {
      if (run === 1) throw new Error('deliberate');
      res.json({ run });
    });
    const all = await crowd(started, 5);
    started.let(1);
    await until(() => started.runs() === 2);
    await started.waiting(4);
    started.let(2);
    const [failed, ...others] = await Promise.all(all);
    expect(failed!.status).toBe(500);
    for (const { text } of others) expect(text).toBe('{"run":2}');
    expect([started.runs(), started.count('promotedTotal')]).toEqual([2, 1]);
  });

  it('not a second failure: it is the answer of all, and the handler is spared', async () => {
    const started = await start({}, (res, run) => res.status(503).json({ run }));
    const all = await crowd(started, 5);
    started.let(1);
    await until(() => started.runs() === 2);
    started.let(2);
    const answers = await Promise.all(all);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503));
    expect(answers.filter(({ text }) => text === '{"run":2}')).toHaveLength(5);
    expect(started.runs()).toBe(2);
  });

  it('a leader whose client goes away', async () => {
    const started = await start();
    const { cut } = sendByHand(served!.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => started.runs() === 1);
    const others = [1, 2].map(() => sendByHand(served!.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    await started.waiting(2);
    await cut();
    await until(() => started.runs() === 2);
    await started.waiting(1);
    await others[0]!.cut();
    await until(() => started.runs() === 3);
    await others[1]!.cut();
    await until(() => started.count('flights') === 0);
    expect(clock.pending).toBe(0);
  });

  it('a leader that takes too long, and a second one: no longer than twice the time', async () => {
    const started = await start({ maxWaitMs: 1000 });
    const all = await crowd(started, 3);
    clock.advance(999);
    await started.waiting(3);
    clock.advance(1);
    await until(() => started.runs() === 2);
    await started.waiting(2);
    clock.advance(1000);
    await until(() => started.runs() === 4);
    for (const run of [4, 3, 2, 1]) started.let(run);
    const texts = (await Promise.all(all)).map(({ text }) => text);
    expect(new Set(texts).size).toBe(4);
    expect([started.count('promotedTotal'), started.count('releasedTotal')]).toEqual([1, 2]);
  });

  it('a crowd: only so many wait, and the others ask for themselves', async () => {
    const started = await start({ maxFollowers: 2 });
    const all = await crowd(started, 2);
    const more = get(started.url);
    await until(() => started.runs() === 2);
    started.let(1);
    started.let(2);
    await Promise.all([...all, more]);
    expect(started.count('crowdedTotal')).toBe(1);
  });

  it('close: all who wait ask for themselves, and nobody waits any more', async () => {
    const started = await start();
    const all = await crowd(started, 2);
    await made?.close?.();
    await until(() => started.runs() === 3);
    for (const run of [1, 2, 3, 4]) started.let(run);
    await Promise.all(all);
    expect(clock.pending).toBe(0);
  });
});

describe('a write', () => {
  it('is read by whoever asks after its answer: nobody joins a flight from before it', async () => {
    let value = 'old';
    const started = await start({}, (res, _run, req) => {
      if (req.method === 'PUT') {
        value = 'new';
        res.status(204).end();
      } else {
        res.send(value);
      }
    });
    const first = get(started.url);
    await until(() => started.runs() === 1);
    const follower = get(started.url);
    await started.waiting(1);
    const write = get(started.url, {}, 'PUT');
    await until(() => started.runs() === 2);
    started.let(2);
    expect((await write).status).toBe(204);
    const after = get(started.url);
    await until(() => started.runs() === 3);
    started.let(3);
    expect((await after).text).toBe('new');
    started.let(1);
    await Promise.all([first, follower]);
  });
});

describe('flights, whatever happens', () => {
  type Move = {
    readonly kind: 'ask' | 'answer' | 'fail' | 'unshared' | 'gone' | 'leave' | 'time' | 'seal';
    readonly at: number;
  };
  const moves = fc.array(
    fc.record<Move>({
      kind: fc.constantFrom(
        'ask',
        'ask',
        'ask',
        'answer',
        'fail',
        'unshared',
        'gone',
        'leave',
        'time',
        'seal',
      ),
      at: fc.nat(20),
    }),
    { maxLength: 60 },
  );

  it('land every follower exactly once, and leave nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(moves, async (all) => {
        const time = fakeClock();
        const flights = new Flights(time, 3, 100);
        const leaders: { exchange: Exchange; flight: ReturnType<Flights['begin']> }[] = [];
        const followers = new Map<
          Exchange,
          { flight: ReturnType<Flights['begin']>; landed: Landing[] }
        >();
        const someone = (): Exchange => ({}) as Exchange;
        const answer = { status: 200, headers: [], body: Buffer.alloc(0), vary: [] };
        for (const { kind, at } of all) {
          const leader = leaders[at % Math.max(1, leaders.length)];
          if (kind === 'ask') {
            const exchange = someone();
            const flight = flights.under('key');
            if (flight === undefined) {
              leaders.push({ exchange, flight: flights.begin('key', exchange) });
            } else if (flights.hasRoom(flight)) {
              const landed: Landing[] = [];
              followers.set(exchange, { flight, landed });
              void flights.follow(flight, exchange).then((landing) => {
                landed.push(landing);
                if (landing === 'lead') leaders.push({ exchange, flight });
              });
            }
          } else if (kind === 'leave') {
            const [exchange, follower] = [...followers][at % Math.max(1, followers.size)] ?? [];
            if (exchange !== undefined) flights.leave(follower!.flight, exchange);
          } else if (kind === 'time') {
            time.advance(60);
          } else if (kind === 'seal') {
            flights.seal();
          } else if (leader !== undefined) {
            const end =
              kind === 'answer' || kind === 'fail'
                ? ({ answer, failed: kind === 'fail' } as const)
                : kind;
            flights.end(leader.flight, leader.exchange, end);
          }
          await Promise.resolve();
          await Promise.resolve();
        }
        // Every leader comes to an end at last.
        for (let at = 0; at < leaders.length; at++) {
          const { flight, exchange } = leaders[at]!;
          flights.end(flight, exchange, 'gone');
          await Promise.resolve();
          await Promise.resolve();
        }
        for (const { landed } of followers.values()) expect(landed).toHaveLength(1);
        expect(flights.size).toBe(0);
        expect(time.pending).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});

describe('dedup', () => {
  it('is both parts, or one; what both share is said once, and what a part is told wins', () => {
    const names = (parts: readonly Middleware[]): string[] => parts.map(({ name }) => name);
    expect(names(dedup())).toEqual(['dedup:coalescing', 'dedup:idempotency']);
    expect(names(dedup({ idempotency: false }))).toEqual(['dedup:coalescing']);
    expect(names(dedup({ coalescing: false }))).toEqual(['dedup:idempotency']);
    expect(Object.isFrozen(dedup())).toBe(true);
    expect(() => dedup({ idempotency: { retention: 1 } as object })).toThrow('idempotency: option');
    expect(() => dedup({ store: {} as never })).toThrow('dedup: option "store"');
    for (const part of dedup({
      clock,
      partition: 'principal',
      credentialHeaders: ['x-mine'],
      coalescing: { clock: undefined },
    })) {
      void part.close?.();
    }
  });
});
