import * as fc from 'fast-check';
import express, { type Response } from 'express';
import { type Exchange, exchangeOf, hasCode, memoryStore, type Middleware } from '@org/core';
import { type FakeClock, fakeClock, serve } from '@org/core/testing';
import { setup } from '@org/setup';
import {
  canonicalJson,
  idempotency,
  type IdempotencyOptions,
  parseIdempotencyKey,
} from '@org/dedup';
import { Gate, look, send, sendByHand, serveApp, until } from './clients.ts';
import { closeAll, type KeyedService, serveKeyed } from './keyed-service.ts';

let clock: FakeClock;
const started: (() => unknown)[] = [];
beforeEach(() => {
  clock = fakeClock();
});
afterEach(() => closeAll(started));

type Rest = Parameters<typeof serveKeyed> extends [unknown, unknown, ...infer R] ? R : never;
const start = (...rest: Rest): Promise<KeyedService> => serveKeyed(clock, started, ...rest);

describe('a request with an Idempotency-Key', () => {
  it('runs once: the second time its answer is given again, and says so', async () => {
    const { url, runs } = await start({}, (res, run) =>
      res.status(201).location('/things/1').json({ run }),
    );
    const first = await send(`${url}/things`, 'k1');
    const second = await send(`${url}/things`, 'k1');
    expect([first.status, first.text, first.headers.get('idempotency-replayed')]).toEqual([
      201,
      '{"run":1}',
      null,
    ]);
    expect([second.status, second.text]).toEqual([201, '{"run":1}']);
    expect(second.headers.get('location')).toBe('/things/1');
    expect(second.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(second.headers.get('etag')).toBe(first.headers.get('etag'));
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect(runs()).toBe(1);
  });

  it('works in a sub-router, and under setup with its own server', async () => {
    let runs = 0;
    const answer = (_req: unknown, res: Response): void => void res.json({ run: ++runs });
    const app = express();
    const router = express.Router().use(express.json(), idempotency()).post('/x', answer);
    app.use('/sub', router);
    const served = await serve(app);
    await send(`${served.url}/sub/x`, 'k');
    expect((await send(`${served.url}/sub/x`, 'k')).text).toBe('{"run":1}');
    await served.close();

    const whole = express();
    const body = Object.assign(express.json(), {});
    const stack = setup(whole, [idempotency()]);
    whole.use(body);
    whole.post('/x', answer);
    const server = await stack.listen(0, '127.0.0.1');
    const { port } = server.address() as { port: number };
    const own = `http://127.0.0.1:${port}/x`;
    // No parser ran ahead of it: a body that nobody can compare is refused, one that is absent is not.
    expect((await send(own, 'k')).status).toBe(415);
    const bare = (): Promise<globalThis.Response> =>
      fetch(own, { method: 'POST', headers: { 'idempotency-key': 'k2' } });
    expect((await look(await bare())).text).toBe('{"run":2}');
    expect((await look(await bare())).text).toBe('{"run":2}');
    await stack.close();
  });

  it('is told apart by method, path and what the caller carries', async () => {
    const { url, runs } = await start();
    await send(`${url}/a`, 'k');
    await send(`${url}/b`, 'k');
    await send(`${url}/a`, 'k', undefined, { method: 'PATCH' });
    await send(`${url}/a`, 'k', undefined, { headers: { authorization: 'Bearer one' } });
    await send(`${url}/a`, 'k', undefined, { headers: { authorization: 'Bearer two' } });
    await send(`${url}/a`, 'k', undefined, { headers: { 'x-api-key': 'one' } });
    expect(runs()).toBe(6);
    await send(`${url}/a`, 'k', undefined, { headers: { authorization: 'Bearer two' } });
    expect(runs()).toBe(6);
  });

  it('goes by the principal where one is known, whatever the request carries', async () => {
    const { url, runs } = await start({}, undefined, (app) =>
      app.use((req, res, next) => {
        exchangeOf(req, res).principal = String(req.headers['x-who'] ?? '') || undefined;
        next();
      }),
    );
    const as = (who: string, token: string): Promise<unknown> =>
      send(url, 'k', undefined, { headers: { 'x-who': who, authorization: token } });
    await as('ann', 'Bearer old');
    await as('ann', 'Bearer renewed');
    expect(runs()).toBe(1);
    await as('bob', 'Bearer old');
    expect(runs()).toBe(2);
  });

  it('takes nobody for everybody where the principal is asked for and not known', async () => {
    const { url, runs } = await start({ partition: 'principal' });
    await send(url, 'k', undefined, { headers: { authorization: 'Bearer one' } });
    await send(url, 'k', undefined, { headers: { authorization: 'Bearer two' } });
    expect(runs()).toBe(2);
  });

  it('passes untouched without a key, by another method, and where its route says so', async () => {
    const { url, runs } = await start({ routes: { '/live/*path': false } });
    for (let at = 0; at < 2; at++) {
      await send(`${url}/a`, undefined);
      await send(`${url}/a`, 'k', undefined, { method: 'PUT' });
      await send(`${url}/live/a`, 'k');
    }
    expect(runs()).toBe(6);
  });

  it('must be there where it is required (draft §2.6): 400', async () => {
    const { url, runs } = await start({
      required: (req) => req.headers['x-strict'] === '1',
      routes: { '/pay': { required: true }, '/free': { required: false } },
    });
    expect((await send(`${url}/pay`, undefined)).code).toBe('ERR_IDEMPOTENCY_KEY_REQUIRED');
    expect((await send(`${url}/pay`, undefined)).status).toBe(400);
    const strict = { headers: { 'x-strict': '1' } };
    expect((await send(`${url}/other`, undefined, {}, strict)).status).toBe(400);
    expect((await send(`${url}/free`, undefined, {}, strict)).status).toBe(201);
    expect(runs()).toBe(1);
  });

  it('is 422 with another body, query or type (draft §2.7), while the first runs as well', async () => {
    const gate = new Gate();
    const { url, runs } = await start({}, async (res, run) => {
      await gate.opened;
      res.json({ run });
    });
    const first = send(`${url}/a`, 'k', { amount: 1 });
    await until(() => runs() === 1);
    expect((await send(`${url}/a`, 'k', { amount: 2 })).status).toBe(422);
    expect((await send(`${url}/a?x=1`, 'k', { amount: 1 })).code).toBe(
      'ERR_IDEMPOTENCY_KEY_REUSED',
    );
    gate.let();
    await first;
    expect((await send(`${url}/a`, 'k', { amount: 2 })).status).toBe(422);
    const typed = { headers: { 'content-type': 'application/json;charset=utf-8' } };
    expect((await send(`${url}/a`, 'k', { amount: 1 }, typed)).status).toBe(200);
    expect(runs()).toBe(1);
  });

  it('takes bodies that say the same for the same, in whatever order and form', async () => {
    const { url, runs } = await start();
    await send(url, 'k', '{"a":1,"b":{"x":[1,2],"y":null}}');
    const again = await send(url, 'k', '{ "b": {"y":null, "x":[1,2]}, "a":1.0 }');
    expect(again.status).toBe(201);
    expect(runs()).toBe(1);
    expect((await send(url, 'k', '{"a":1,"b":{"x":[2,1],"y":null}}')).status).toBe(422);
  });

  it('refuses a body that nobody has read, for it would equal any other: 415', async () => {
    const { url, runs } = await start();
    const xml = await send(url, 'k', '<a/>', { headers: { 'content-type': 'text/xml' } });
    expect([xml.status, xml.code]).toEqual([415, 'ERR_IDEMPOTENCY_BODY']);
    const form = new FormData();
    form.set('a', '1');
    const upload = await fetch(url, {
      method: 'POST',
      headers: { 'idempotency-key': 'k' },
      body: form,
    });
    expect(upload.status).toBe(415);
    expect(runs()).toBe(0);
  });

  it('compares bodies by a digest of the client where the service says so', async () => {
    const { url, runs } = await start({
      fingerprint: ({ req }) => req.get('content-digest'),
    });
    const digest = (value: string): Promise<{ status: number }> =>
      send(url, 'k', '<a/>', {
        headers: { 'content-type': 'text/xml', 'content-digest': `sha-256=:${value}:` },
      });
    expect((await digest('AAAA')).status).toBe(201);
    expect((await digest('AAAA')).status).toBe(201);
    expect((await digest('BBBB')).status).toBe(422);
    expect((await send(url, 'other')).status).toBe(415);
    expect(runs()).toBe(1);
  });

  it('refuses bodies nested too deeply with 400, and stays up', async () => {
    const { url, runs } = await start();
    const deep = `${'[1,'.repeat(20_000)}1${']'.repeat(20_000)}`;
    const answer = await send(url, 'k', deep);
    expect([answer.status, answer.code]).toEqual([400, 'ERR_IDEMPOTENCY_BODY']);
    expect(runs()).toBe(0);
  });
});

describe('the key', () => {
  it.each([
    ['', 'empty'],
    ['""', 'an empty string'],
    ['a b', 'a blank without quotes'],
    ['a,b', 'a list'],
    ['"a", "b"', 'a list of strings'],
    ['"a', 'an open string'],
    ['a"b', 'a quote without quotes'],
    ['k'.repeat(256), 'too long'],
    [`"${'k'.repeat(256)}"`, 'too long in quotes'],
  ])('%s is refused with 400 (%s)', async (key) => {
    const { url, runs } = await start();
    const answer = await send(url, key);
    expect([answer.status, answer.code]).toEqual([400, 'ERR_IDEMPOTENCY_KEY_INVALID']);
    expect(runs()).toBe(0);
  });

  it('is one string, with or without its quotes (RFC 9651 §3.3.3)', async () => {
    const { url, runs } = await start();
    await send(url, '"8e03978e-40d5"');
    await send(url, '8e03978e-40d5');
    await send(url, '"8e03978e-40d5";v=1');
    expect(runs()).toBe(1);
    expect(parseIdempotencyKey('"a b, \\"c\\""')).toBe('a b, "c"');
  });

  it('comes out of any printable string as it went in, and nothing else crashes it', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
          minLength: 1,
          maxLength: 255,
        }),
        (key) => {
          expect(parseIdempotencyKey(`"${key.replaceAll(/["\\]/g, '\\$&')}"`)).toBe(key);
        },
      ),
    );
    fc.assert(
      fc.property(fc.string(), (field) => {
        let key = 'refused';
        try {
          key = parseIdempotencyKey(field);
        } catch (error) {
          if (!hasCode(error, 'ERR_IDEMPOTENCY_KEY_INVALID')) throw error;
        }
        expect(key).toMatch(/^[\x20-\x7e]{1,255}$/);
      }),
    );
  });

  it('never reaches the store, nor does a credential', async () => {
    const keys: string[] = [];
    const store = memoryStore({ clock });
    const watched = {
      ...store,
      claim: (key: string, value: Uint8Array, ttlMs: number) => {
        keys.push(key);
        return store.claim(key, value, ttlMs);
      },
    };
    const { url } = await start({ store: watched });
    await send(url, 'very-secret-key', {}, { headers: { authorization: 'Bearer top' } });
    expect(keys).toHaveLength(1);
    expect(keys[0]).toMatch(/^idempotency:key:[\w-]{43}$/);
  });
});

describe('canonical JSON (RFC 8785)', () => {
  it('writes parsed JSON as it is, but for the order of members', () => {
    const sorted = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(sorted)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .toSorted(([one], [other]) => (one < other ? -1 : 1))
                .map(([name, member]) => [name, sorted(member)]),
            )
          : value;
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value: unknown = JSON.parse(text);
        const written = canonicalJson(value);
        expect(JSON.parse(written)).toEqual(value);
        expect(canonicalJson(JSON.parse(written))).toBe(written);
        expect(canonicalJson(sorted(value))).toBe(written);
      }),
    );
  });

  it('sorts by UTF-16 code units (§3.2.3) and knows what checks put in place of text', () => {
    expect(canonicalJson({ '\u20ac': 1, '\r': 2, '1': 3, '\ud83d\ude00': 4, '\ufb33': 5 })).toBe(
      '{"\\r":2,"1":3,"\u20ac":1,"\ud83d\ude00":4,"\ufb33":5}',
    );
    expect(canonicalJson({ at: new Date(0), none: undefined, big: 10n })).toBe(
      '{"at":"1970-01-01T00:00:00.000Z","big":10}',
    );
  });
});

describe('what is under way', () => {
  it('is 409 with Retry-After (draft §2.6)', async () => {
    const gate = new Gate();
    const { url, runs } = await start({ retryAfterMs: 1500 }, async (res, run) => {
      await gate.opened;
      res.json({ run });
    });
    const first = send(url, 'k');
    await until(() => runs() === 1);
    const second = await send(url, 'k');
    expect([second.status, second.code]).toEqual([409, 'ERR_IDEMPOTENCY_IN_FLIGHT']);
    expect(second.headers.get('retry-after')).toBe('2');
    gate.let();
    expect((await first).text).toBe('{"run":1}');
    expect((await send(url, 'k')).text).toBe('{"run":1}');
    expect(runs()).toBe(1);
  });

  it('is waited for where the policy says so, by all, and given to all', async () => {
    const gate = new Gate();
    const { url, runs, keys } = await start({ inFlight: 'wait' }, async (res, run) => {
      await gate.opened;
      res.json({ run });
    });
    const all = Array.from({ length: 20 }, () => send(url, 'k'));
    await until(() => keys.stats?.()['waiting'] === 19);
    gate.let();
    const answers = await Promise.all(all);
    expect(answers.map(({ text }) => text)).toEqual(answers.map(() => '{"run":1}'));
    expect(answers.filter(({ headers }) => headers.has('idempotency-replayed'))).toHaveLength(19);
    expect(runs()).toBe(1);
  });

  it('is run by one of those who wait when the first came to nothing', async () => {
    const gates = [new Gate(), new Gate()];
    const { url, runs, keys } = await start({ inFlight: 'wait' }, async (res, run) => {
      await gates[run - 1]!.opened;
      if (run === 1) res.status(503).json({ run });
      else res.json({ run });
    });
    const first = send(url, 'k');
    await until(() => runs() === 1);
    const others = Array.from({ length: 5 }, () => send(url, 'k'));
    await until(() => keys.stats?.()['waiting'] === 5);
    gates[0]!.let();
    await until(() => runs() === 2 && keys.stats?.()['waiting'] === 4);
    gates[1]!.let();
    expect((await first).status).toBe(503);
    for (const { text } of await Promise.all(others)) expect(text).toBe('{"run":2}');
    expect(runs()).toBe(2);
  });

  it('is waited for no longer, and by no more, than the options say', async () => {
    const gate = new Gate();
    const { url, runs, keys } = await start(
      { inFlight: 'wait', maxWaitMs: 1000, maxWaiters: 1 },
      async (res, run) => {
        await gate.opened;
        res.json({ run });
      },
    );
    const first = send(url, 'k');
    await until(() => runs() === 1);
    const waiting = send(url, 'k');
    await until(() => keys.stats?.()['waiting'] === 1);
    expect((await send(url, 'k')).status).toBe(409);
    clock.advance(800);
    await until(() => keys.stats?.()['waiting'] === 1);
    clock.advance(400);
    expect((await waiting).status).toBe(409);
    gate.let();
    await first;
    expect(keys.stats?.()).toMatchObject({ waiting: 0, running: 0, inFlightTotal: 2 });
  });

  it('frees the place of those who wait and go away', async () => {
    const gate = new Gate();
    const { url, port, runs, keys } = await start({ inFlight: 'wait' }, async (res, run) => {
      await gate.opened;
      res.json({ run });
    });
    const first = send(url, 'k');
    await until(() => runs() === 1);
    const waiting = sendByHand(
      port,
      'POST / HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"amount":1}',
    );
    await until(() => keys.stats?.()['waiting'] === 1);
    await waiting.cut();
    await until(() => keys.stats?.()['waiting'] === 0);
    gate.let();
    expect((await first).status).toBe(200);
  });
});

describe('what is kept', () => {
  it.each([
    [200, 1],
    [202, 1],
    [302, 1],
    [402, 1],
    [404, 1],
    [400, 2],
    [401, 2],
    [403, 2],
    [409, 2],
    [422, 2],
    [425, 2],
    [429, 2],
    [500, 2],
    [503, 2],
  ])('status %i makes %i runs of two requests', async (status, expected) => {
    const { url, runs } = await start({}, (res, run) => res.status(status).json({ run }));
    const init = {
      method: 'POST',
      redirect: 'manual',
      headers: { 'idempotency-key': 'k' },
    } as const;
    expect((await fetch(url, init)).status).toBe(status);
    expect((await fetch(url, init)).status).toBe(status);
    expect(runs()).toBe(expected);
  });

  it('is decided by a policy: an error that was thrown may be final, too', async () => {
    const { url, runs } = await start({ outcome: () => 'keep' }, () => {
      throw Object.assign(new Error('always'), { status: 500 });
    });
    expect((await send(url, 'k')).status).toBe(500);
    const again = await send(url, 'k');
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([500, 'true']);
    expect(runs()).toBe(1);
  });

  it('may be run again after a failure that was thrown, and with another body', async () => {
    const { url, runs } = await start({}, (res, run) => {
      if (run === 1) throw new Error('once');
      res.json({ run });
    });
    expect((await send(url, 'k', { amount: 1 })).status).toBe(500);
    expect((await send(url, 'k', { amount: 2 })).text).toBe('{"run":2}');
    expect(runs()).toBe(2);
  });

  it.each<[string, (exchange: Exchange) => void]>([
    ['whose time is over', (exchange) => (exchange.deadlineMs = clock.monotonicMs() + 0.5)],
    ['that somebody has given up', (exchange) => exchange.abort(new Error('too late'))],
  ])(
    'is not decided by the failure of a request %s: it may be at work still',
    async (_why, mark) => {
      const { url, runs, keys } = await start({}, (res) => {
        mark(exchangeOf(res.req, res));
        res.status(503).end();
      });
      await send(url, 'k');
      const again = await send(url, 'k');
      expect([again.status, again.code]).toEqual([409, 'ERR_IDEMPOTENCY_INDETERMINATE']);
      expect(again.headers.has('retry-after')).toBe(false);
      expect(runs()).toBe(1);
      expect(keys.stats?.()).toMatchObject({ lostTotal: 1, indeterminateTotal: 1 });
    },
  );

  it('carries the headers of the answer, but not those of one client or one moment', async () => {
    const { url } = await start(
      { omitHeaders: ['X-Mine'] },
      (res) =>
        res
          .set({
            'X-Kept': 'yes',
            'X-Mine': 'no',
            'Set-Cookie': 'session=secret',
            'X-Request-Id': 'first',
            'Access-Control-Allow-Origin': 'https://first.example',
            'RateLimit-Remaining': '1',
            Connection: 'close, X-Hop',
            'X-Hop': 'no',
            Link: '</a>; rel=a',
            'X-Ahead': 'changed',
          })
          .append('Link', '</b>; rel=b')
          .status(201)
          .send('done'),
      (app) =>
        app.use((_req, res, next) => {
          res.set({ 'X-Ahead': 'set', 'X-Security': String(Math.random()) });
          next();
        }),
    );
    const first = await send(url, 'k');
    const { headers, text, status } = await send(url, 'k');
    expect([status, text]).toEqual([201, 'done']);
    expect(headers.get('x-kept')).toBe('yes');
    expect(headers.get('link')).toBe('</a>; rel=a, </b>; rel=b');
    expect(headers.get('x-ahead')).toBe('changed');
    expect(headers.get('x-security')).not.toBe(first.headers.get('x-security'));
    for (const name of [
      'x-mine',
      'set-cookie',
      'x-request-id',
      'access-control-allow-origin',
      'ratelimit-remaining',
      'x-hop',
    ]) {
      expect([name, headers.has(name)]).toEqual([name, false]);
    }
  });

  it('carries only the headers that are listed, where they are', async () => {
    const { url } = await start({ replayHeaders: ['Content-Type'] }, (res) =>
      res.set({ 'X-Other': '1' }).json({}),
    );
    await send(url, 'k');
    const { headers } = await send(url, 'k');
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(headers.has('x-other')).toBe(false);
  });

  it('may be streamed, binary or empty', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
    const { url, runs } = await start({}, (res, run) => {
      if (run === 1) {
        for (const byte of bytes) res.write(Buffer.from([byte]));
        res.end();
      } else {
        res.status(204).end();
      }
    });
    const post = async (key: string): Promise<[number, Buffer]> => {
      const answer = await fetch(url, { method: 'POST', headers: { 'idempotency-key': key } });
      return [answer.status, Buffer.from(await answer.arrayBuffer())];
    };
    expect(await post('a')).toEqual([200, bytes]);
    expect(await post('a')).toEqual([200, bytes]);
    expect(await post('b')).toEqual([204, Buffer.alloc(0)]);
    expect(await post('b')).toEqual([204, Buffer.alloc(0)]);
    expect(runs()).toBe(2);
  });

  it('is not the body where that is too large: it is known to have run, and does not again', async () => {
    const { url, runs } = await start({ maxBodyBytes: 10 }, (res, run) =>
      res.status(201).location(`/things/${run}`).send('x'.repeat(11)),
    );
    expect((await send(url, 'k')).text).toHaveLength(11);
    const again = await send(url, 'k');
    expect([again.status, again.code]).toEqual([409, 'ERR_IDEMPOTENCY_NOT_REPLAYABLE']);
    expect(again.headers.get('location')).toBe('/things/1');
    expect(again.headers.has('retry-after')).toBe(false);
    expect(JSON.parse(again.text)).toMatchObject({ originalStatus: 201 });
    expect(runs()).toBe(1);
  });

  it('is forgotten after the retention, which answers may tell', async () => {
    const { url, runs } = await start({ retentionMs: 60_000, advertiseRetention: true });
    const first = await send(url, 'k');
    expect(first.headers.get('idempotency-retention')).toBe('60');
    clock.advance(59_999);
    const again = await send(url, 'k');
    expect(again.headers.get('idempotency-retention')).toBe('60');
    expect(runs()).toBe(1);
    clock.advance(2);
    await send(url, 'k');
    expect(runs()).toBe(2);
  });

  it('is no concern of a route whose handler keeps the record: there the key is checked only', async () => {
    const { url, runs } = await start({
      routes: { '/t': { transactional: true, required: true } },
    });
    expect((await send(`${url}/t`, undefined)).status).toBe(400);
    expect((await send(`${url}/t`, 'a b')).status).toBe(400);
    await send(`${url}/t`, 'k');
    await send(`${url}/t`, 'k');
    expect(runs()).toBe(2);
  });
});

describe('options', () => {
  const cases: [Record<string, unknown>, string][] = [
    [{ retentionMs: 1000, maxRunMs: 60_000 }, 'option "retentionMs" must be at least maxRunMs'],
    [{ routes: { '/a': { require: true } } }, 'did you mean "required"?'],
    [{ routes: { '/:': {} } }, 'is no path pattern'],
    [{ inFlight: 'queue' }, 'must be one of "refuse", "wait"'],
    [{ store: {} }, 'must be a store'],
    [{ methods: ['post'] }, 'a method such as POST'],
    [{ leaseMs: 1 }, 'at least 100'],
  ];
  it.each(cases)('%j is refused', (options, message) => {
    expect(() => idempotency(options as Partial<IdempotencyOptions>)).toThrow(message);
  });
});

test('mounted twice, a key is claimed once', async () => {
  const keys = idempotency({ clock });
  let runs = 0;
  const served = await serveApp(
    [keys, keys] as Middleware[],
    (app) => app.post('/', (_req, res) => res.json({ run: ++runs })),
    clock,
  );
  expect((await send(served.url, 'k')).text).toBe('{"run":1}');
  expect((await send(served.url, 'k')).text).toBe('{"run":1}');
  await served.close();
  await keys.close?.();
});
