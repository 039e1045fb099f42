/** RFC 9111 §3 to §4.2: what is stored, what chooses it, and how long it is fresh. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { Response } from 'express';

import { closeOrigins, origin, until } from './origin.ts';
import {
  arrivals,
  dateIn,
  DAY,
  exchange,
  type Fields,
  HOUR,
  reuses,
  SECOND,
  send,
  sends,
  stored,
} from './rfc.ts';

afterEach(closeOrigins);

const FRESH: Fields = { 'Cache-Control': 'max-age=60' };

const LINES = { 'x-lines': ['one', 'two, three'], link: ['</a>; rel=a', '</b>; rel=b'] };

describe('§3: a cache must not store', () => {
  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'REPORT'])(
    'the answer to %s, and must not answer it or GET with it',
    async (method) => {
      const app = await origin({ handle: sends(FRESH) });
      for (const each of [method, method, 'GET']) await app.get('/', {}, each);
      expect(app.calls()).toBe(3);
    },
  );

  test('an interim answer (1xx): it passes, and the final one is stored without its fields', async () => {
    const hints: unknown[] = [];
    const { url, get, calls } = await origin({
      handle: (_req, res) =>
        res.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => send(res, FRESH)),
    });
    const sent = request(url, { agent: false }).on('information', ({ statusCode, headers }) =>
      hints.push([statusCode, headers.link]),
    );
    sent.end();
    const [first] = (await once(sent, 'response')) as [IncomingMessage];
    first.resume();
    await once(first, 'end');
    expect(hints).toEqual([[103, '</a.css>; rel=preload']]);
    const hit = await get('/');
    expect([hit.status, hit.headers.link, hit.body]).toEqual([200, undefined, 'hello']);
    expect(calls()).toBe(1);
  });

  test('a 206, as it does not combine parts (§3.4), nor answer anything with one', async () => {
    const app = await origin({
      handle: (req, res) =>
        req.headers.range === undefined
          ? send(res, FRESH)
          : send(res, { ...FRESH, 'Content-Range': 'bytes 0-1/5', ETag: '"a"' }, 'he', 206),
    });
    const range = { range: 'bytes=0-1' };
    expect((await app.get('/', range)).status).toBe(206);
    expect((await app.get('/', range)).status).toBe(206);
    expect(stored(app)).toBe(0);
    const whole = await app.get('/');
    expect([whole.status, whole.body]).toEqual([200, 'hello']);
    expect(app.calls()).toBe(3);
  });

  test('a 304 to a condition of the client’s own, where nothing is stored', async () => {
    const app = await origin({
      handle: (req, res) =>
        req.headers['if-none-match'] === '"a"'
          ? send(res, { ...FRESH, ETag: '"a"' }, '', 304)
          : send(res, { ...FRESH, ETag: '"a"' }),
    });
    expect((await app.get('/', { 'if-none-match': '"a"' })).status).toBe(304);
    const whole = await app.get('/');
    expect([whole.status, whole.body, app.calls()]).toEqual([200, 'hello', 2]);
  });

  test.each<[string, Fields]>([
    [
      'must-understand and a status that nobody knows',
      { 'Cache-Control': 'must-understand, max-age=60' },
    ],
    ['no-store beside it, too', { 'Cache-Control': 'must-understand, no-store, max-age=60' }],
  ])('an answer with %s', async (_what, fields) => {
    const app = await origin({ handle: sends(fields, 'hello', 299) });
    expect(await reuses(app)).toBe(false);
    expect(stored(app)).toBe(0);
  });

  // Node has a phrase for it (RFC 3229), but the cache does not know what a delta is.
  test('an answer with must-understand and 226, which is not understood', async () => {
    const app = await origin({
      handle: sends({ 'Cache-Control': 'must-understand, max-age=60' }, 'delta', 226),
    });
    expect(await reuses(app)).toBe(false);
  });

  test('must-understand takes the place of no-store where the status is understood (§5.2.2.3)', async () => {
    const app = await origin({
      handle: sends({ 'Cache-Control': 'no-store, must-understand, max-age=60' }),
    });
    expect(await reuses(app)).toBe(true);
  });

  test.each([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])(
    'nothing for want of a lifetime, where %i allows to guess one (RFC 9110 §15.1)',
    async (status) => {
      const handle = sends({ 'Last-Modified': dateIn(-10 * HOUR) }, '', status);
      expect(await reuses(await origin({ handle }), HOUR - SECOND)).toBe(true);
      expect(await reuses(await origin({ handle }), HOUR)).toBe(false);
    },
  );

  test.each([201, 202, 299, 302, 303, 307, 400, 403, 451, 500, 502, 503, 599])(
    'a %i that states no lifetime, as none may be guessed (§4.2.2)',
    async (status) => {
      const app = await origin({
        handle: sends({ 'Last-Modified': dateIn(-10 * DAY) }, '', status),
      });
      expect(await reuses(app)).toBe(false);
      expect(stored(app)).toBe(0);
    },
  );

  test('a 302 that states no lifetime, unless it says public (§4.2.2)', async () => {
    const fields = { 'Last-Modified': dateIn(-10 * HOUR), 'Cache-Control': 'public' };
    expect(await reuses(await origin({ handle: sends(fields, '', 302) }))).toBe(true);
  });

  test('an answer with neither a lifetime nor anything to guess one from', async () => {
    expect(await reuses(await origin({ handle: sends({}) }))).toBe(false);
  });
});

describe('§3.1: fields', () => {
  test('that belong to the connection are not stored, and unknown ones are', async () => {
    const { get, calls } = await origin({
      handle: sends({
        ...FRESH,
        Connection: [' X-Hop\t,X-OTHER', 'close , x-third '],
        'X-Hop': '1',
        'x-other': '1',
        'X-Third': '1',
        'Keep-Alive': 'timeout=77',
        'Proxy-Connection': 'keep-alive',
        'Proxy-Authenticate': 'Basic',
        'Proxy-Authentication-Info': 'a=b',
        'Proxy-Authorization': 'Basic YQ==',
        TE: 'trailers',
        Upgrade: 'h2c',
        'x-ODD': 'kept',
      }),
    });
    const first = await get('/');
    const { headers } = await get('/');
    expect(first.headers['x-hop']).toBe('1');
    expect(calls()).toBe(1);
    for (const name of ['x-hop', 'x-other', 'x-third', 'te', 'upgrade', 'proxy-connection']) {
      expect(headers).not.toHaveProperty(name);
    }
    expect(Object.keys(headers).filter((name) => name.startsWith('proxy-'))).toEqual([]);
    expect(headers['keep-alive']).not.toBe('timeout=77');
    expect(headers['x-odd']).toBe('kept');
  });

  test('of several lines come back as they were, in their order', async () => {
    const { get } = await origin({ handle: sends({ ...FRESH, ...LINES }) });
    await get('/');
    const { rawHeaders } = await get('/');
    for (const [name, lines] of Object.entries(LINES)) {
      const values = rawHeaders.filter(
        (_, at) => at % 2 === 1 && rawHeaders[at - 1]!.toLowerCase() === name,
      );
      expect(values).toEqual(lines);
    }
  });

  test('of a trailer are not combined with the head, and the answer is whole without them', async () => {
    const { get, calls } = await origin({
      handle: (_req, res) => {
        res.set({ ...FRESH, Trailer: 'X-Sum' });
        res.write('hel');
        res.addTrailers({ 'X-Sum': '5' });
        res.end('lo');
      },
    });
    await get('/');
    const { body, headers } = await get('/');
    expect([body, calls(), headers['content-length']]).toEqual(['hello', 1, '5']);
    expect(headers).not.toHaveProperty('trailer');
    expect(headers).not.toHaveProperty('x-sum');
    expect(headers).not.toHaveProperty('transfer-encoding');
  });
});

describe('§3.3: an incomplete answer is not stored', () => {
  test.each<[string, (res: Response) => void]>([
    ['is cut off', (res) => void res.write('hel', () => res.destroy())],
    [
      'is cut off before its length',
      (res) => void res.set('Content-Length', '5').write('hel', () => res.destroy()),
    ],
    ['ends before its length', (res) => void res.set('Content-Length', '5').end('hel')],
    ['goes on past its length', (res) => void res.set('Content-Length', '5').end('hello, world')],
  ])('where it %s', async (_what, end) => {
    const app = await origin({
      handle: (_req, res, call) => {
        if (call > 1) return send(res, FRESH);
        return end(res.set(FRESH));
      },
    });
    // A client would not stand the bytes that are too many.
    await exchange(app.url, [
      'GET / HTTP/1.1',
      `Host: ${new URL(app.url).host}`,
      'Connection: close',
    ]);
    expect(stored(app)).toBe(0);
    expect((await app.get('/')).body).toBe('hello');
    expect(app.calls()).toBe(2);
  });

  test('and a stream that ends is', async () => {
    const { get, calls } = await origin({
      handle: (_req, res) => {
        res.set(FRESH).write('hel');
        setImmediate(() => res.end('lo'));
      },
    });
    expect((await get('/')).body).toBe('hello');
    expect((await get('/')).body).toBe('hello');
    expect(calls()).toBe(1);
  });
});

describe('§3.5: an answer to a request with Authorization', () => {
  const asked = { authorization: 'Bearer a' };

  test.each([
    ['max-age=60', false],
    // RFC 9111 would allow it; must-revalidate alone does not say that it is for everybody.
    ['max-age=60, must-revalidate', false],
    ['max-age=60, public', true],
    ['s-maxage=60', true],
    ['s-maxage=60, private', false],
    ['max-age=60, public="x"', false],
  ])('that says %s is used again: %j', async (directives, again) => {
    const app = await origin({ handle: sends({ 'Cache-Control': directives }) });
    expect(await reuses(app, 0, asked, {})).toBe(again);
  });

  test('that states no lifetime is not, even if one could be guessed', async () => {
    const app = await origin({ handle: sends({ 'Last-Modified': dateIn(-10 * DAY) }) });
    expect(await reuses(app, 0, asked, {})).toBe(false);
  });
});

describe('§4: a stored answer is for', () => {
  test.each([
    ['another path', '/other', {}],
    ['a path in another case', '/PATH', {}],
    ['another query', '/path?a=1', {}],
    ['another host', '/path', { host: 'other.example' }],
    ['another port', '/path', { host: '127.0.0.1:1' }],
  ])('its own address, not for %s', async (_what, path, headers) => {
    const { get, calls } = await origin({ handle: sends(FRESH) });
    await get('/path');
    await get(path, headers);
    expect(calls()).toBe(2);
  });

  test('requests that came while it was made: one run of the handler serves them (collapsing)', async () => {
    const { before, total } = arrivals();
    const { get, calls } = await origin({
      before,
      handle: async (_req, res) => {
        await until(() => total() === 5);
        send(res, FRESH);
      },
    });
    const all = await Promise.all(Array.from({ length: 5 }, () => get('/')));
    expect(all.map(({ body }) => body)).toEqual(Array(5).fill('hello'));
    expect(calls()).toBe(1);
  });

  test.each(['no-store', 'private', 'no-cache', 'max-age=0'])(
    'nobody else where it says %s, however many came together',
    async (directives) => {
      const { before, total } = arrivals();
      const { get, calls } = await origin({
        before,
        handle: async (_req, res, call) => {
          await until(() => total() === 5);
          send(res, { 'Cache-Control': directives, ETag: `"${call}"` }, String(call));
        },
      });
      const all = await Promise.all(Array.from({ length: 5 }, () => get('/')));
      expect(new Set(all.map(({ body }) => body)).size).toBe(5);
      expect(calls()).toBe(5);
    },
  );

  test('everybody, with an Age in the place of its own', async () => {
    const { get, clock } = await origin({ handle: sends({ ...FRESH, Age: '7' }) });
    expect((await get('/')).headers.age).toBe('7');
    clock.advance(3 * SECOND + 999);
    const { rawHeaders, headers } = await get('/');
    expect(headers.age).toBe('10');
    expect(rawHeaders.filter((name) => name.toLowerCase() === 'age')).toHaveLength(1);
  });

  test('a request that several suit: the most recent by Date is used', async () => {
    const { get, clock } = await origin({
      handle: (_req, res, call) =>
        call === 1
          ? send(res, { ...FRESH, Date: dateIn(0) }, 'newer')
          : send(res, { ...FRESH, Vary: 'X-Any', Date: dateIn(-20 * SECOND) }, 'older'),
    });
    await get('/');
    clock.advance(SECOND);
    await get('/', { 'cache-control': 'no-cache' });
    expect((await get('/')).body).toBe('newer');
  });
});
