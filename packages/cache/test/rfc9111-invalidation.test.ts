/** RFC 9111 §4.3.5 and §4.4: what HEAD and methods that change something do to what is stored for GET. */
import { closeOrigins, origin } from './origin.ts';
import { dateIn, exchange, type Fields, reuses, SECOND, send, sends } from './rfc.ts';

afterEach(closeOrigins);

const FRESH: Fields = { 'Cache-Control': 'max-age=60' };
const BRIEF: Fields = { 'Cache-Control': 'max-age=10' };

describe('§4.3.5: the application’s answer to HEAD', () => {
  /** The handler’s runs for HEAD and then GET, where the first GET is stored with `fields`. */
  async function afterHead(fields: Fields, head: Fields, status = 200) {
    const app = await origin({
      handle: (req, res) =>
        req.method === 'HEAD'
          ? send(res, { ...BRIEF, ...head }, undefined, status)
          : send(res, { ...BRIEF, ...fields }),
    });
    await app.get('/');
    app.clock.advance(5 * SECOND);
    await app.get('/', { 'cache-control': 'no-cache' }, 'HEAD');
    return app;
  }

  test.each<[string, Fields, Fields]>([
    ['the same tag', { ETag: '"a"' }, { ETag: '"a"' }],
    ['the same length', {}, { 'Content-Length': '5' }],
    ['the same date', { 'Last-Modified': dateIn(-SECOND) }, { 'Last-Modified': dateIn(-SECOND) }],
  ])(
    'confirms what is stored for GET with %s, and updates its fields',
    async (_what, fields, head) => {
      const { get, clock, calls } = await afterHead(fields, { ...head, 'X-New': 'new' });
      clock.advance(9 * SECOND);
      const { headers, body } = await get('/');
      expect([headers['x-new'], headers.age, headers['content-length'], body]).toEqual([
        'new',
        '9',
        '5',
        'hello',
      ]);
      expect(calls()).toBe(2);
    },
  );

  test.each<[string, Fields, Fields]>([
    ['another tag', { ETag: '"a"' }, { ETag: '"b"' }],
    ['another length', {}, { 'Content-Length': '6' }],
    ['another date', { 'Last-Modified': dateIn(-SECOND) }, { 'Last-Modified': dateIn(0) }],
  ])('makes what is stored for GET stale with %s', async (_what, fields, head) => {
    const { get, calls } = await afterHead(fields, head);
    await get('/');
    expect(calls()).toBe(3);
  });

  describe.each<[string, Fields]>([
    ['a tag', { ETag: '"b"' }],
    ['a date', { 'Last-Modified': dateIn(0) }],
  ])('with %s that what is stored does not have', (_what, head) => {
    test('makes it stale', async () => {
      const { get, calls } = await afterHead({}, head);
      await get('/');
      expect(calls()).toBe(3);
    });
  });

  test.each([404, 500, 302])('with %i says nothing of what is stored for GET', async (status) => {
    const { get, calls } = await afterHead({ ETag: '"a"' }, { ETag: '"b"' }, status);
    expect((await get('/')).body).toBe('hello');
    expect(calls()).toBe(2);
  });

  test('is not stored itself', async () => {
    const app = await origin({ handle: sends({ 'Cache-Control': 'max-age=60' }) });
    await app.get('/', {}, 'HEAD');
    expect(await reuses(app)).toBe(true);
    expect(app.calls()).toBe(2);
  });
});

describe('§4.4: a method that may change something', () => {
  /** Whether a GET of `path` is answered from the store after this request, whose answer is so. */
  async function outlives(
    path: string,
    method: string,
    status: number,
    fields: Fields = {},
    to = '/changed',
  ): Promise<boolean> {
    const { get, calls, url } = await origin({
      handle: (req, res) =>
        req.method === 'GET' ? send(res, { ...FRESH, Vary: 'X-A' }) : answer(res),
    });
    const answer = (res: Parameters<typeof send>[0]): void => {
      const own = Object.entries(fields).map(([name, value]) => [
        name,
        String(value).replace('{origin}', url).replace('{host}', new URL(url).host),
      ]);
      send(res, Object.fromEntries(own) as Fields, '', status);
    };
    await get(path);
    await get(path, { 'x-a': '1' });
    await get(to, {}, method);
    const before = calls();
    await get(path);
    await get(path, { 'x-a': '1' });
    return calls() === before;
  }

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'MKCOL', 'LOCK', 'PURGE', 'M-SEARCH'])(
    'invalidates all that is stored for its target where it succeeds: %s',
    async (method) => {
      expect(await outlives('/changed', method, 200)).toBe(false);
    },
  );

  test.each([200, 201, 202, 204, 205, 299, 301, 302, 303, 307, 308])(
    'invalidates its target where the answer is %i',
    async (status) => {
      expect(await outlives('/changed', 'POST', status)).toBe(false);
    },
  );

  test.each([400, 403, 404, 409, 412, 422, 429, 500, 503])(
    'leaves what is stored where the answer is %i',
    async (status) => {
      const named = { Location: '/changed', 'Content-Location': '/changed' };
      expect(await outlives('/changed', 'POST', status, named)).toBe(true);
    },
  );

  test.each(['OPTIONS', 'TRACE', 'HEAD'])('is not %s', async (method) => {
    expect(await outlives('/changed', method, 204)).toBe(true);
  });

  test('leaves other addresses: its path with a query, and below', async () => {
    expect(await outlives('/changed?a=1', 'POST', 200)).toBe(true);
    expect(await outlives('/changed/below', 'POST', 200)).toBe(true);
    expect(await outlives('/changed', 'POST', 200, {}, '/changed?a=1')).toBe(true);
  });

  test.each(['Location', 'Content-Location'])(
    'invalidates what %s names on the same origin',
    async (name) => {
      for (const at of [
        '/made?a=1&b=2',
        '{origin}/made?a=1&b=2',
        '//{host}/made?a=1&b=2',
        'made?a=1&b=2',
        './x/../made?a=1&b=2#f',
      ]) {
        expect(await outlives('/made?a=1&b=2', 'POST', 201, { [name]: at })).toBe(false);
      }
    },
  );

  test.each(['Location', 'Content-Location'])(
    'must not invalidate what %s names on another origin',
    async (name) => {
      for (const at of [
        'http://other.example/made',
        '//other.example/made',
        'https://{host}/made',
        'http://127.0.0.1:1/made',
        'http://user@other.example/made',
        'mailto:a@b.example',
        'http://[/made',
        '',
      ]) {
        expect(await outlives('/made', 'POST', 201, { [name]: at })).toBe(true);
      }
    },
  );

  test('invalidates an answer that was under way, and began before it', async () => {
    const { get, calls } = await origin({
      handle: async (req, res, call) => {
        if (req.method === 'POST') return send(res, {}, '', 204);
        if (call === 1) await get('/', {}, 'POST');
        return send(res, FRESH, String(call));
      },
    });
    expect((await get('/')).body).toBe('1');
    expect((await get('/')).body).toBe('3');
    expect(calls()).toBe(3);
  });

  test('is done when its answer comes: who has written reads it', async () => {
    let state = 'old';
    const { get } = await origin({
      handle: (req, res) => {
        if (req.method !== 'POST') return send(res, FRESH, state);
        state = 'new';
        return send(res, {}, '', 204);
      },
    });
    expect((await get('/')).body).toBe('old');
    await get('/', {}, 'POST');
    expect((await get('/')).body).toBe('new');
  });

  test('invalidates what came in absolute form (RFC 9112 §3.2.2)', async () => {
    const { get, url, calls } = await origin({ handle: sends(FRESH) });
    const { host } = new URL(url);
    const absolute = [`GET ${url}/ HTTP/1.1`, `Host: ${host}`, 'Connection: close'];
    await exchange(url, absolute);
    await get('/', {}, 'POST');
    await exchange(url, absolute);
    expect(calls()).toBe(3);
  });
});
