/** RFC 9110: what an answer from the store looks like to a client: HEAD, conditions, ranges, and the fields of each. */
import { closeOrigins, origin } from './origin.ts';
import { dateIn, exchange, type Fields, SECOND, send, sends, validates } from './rfc.ts';

afterEach(closeOrigins);

const TEXT = 'hello world';
const LAST = dateIn(-60 * SECOND);
/** All that a 206 or 304 must have where a 200 has it (§15.3.7, §15.4.5). */
const KEPT: Fields = {
  Date: dateIn(-SECOND),
  'Cache-Control': 'max-age=60',
  'Content-Location': '/as-it-is',
  ETag: '"a"',
  Expires: dateIn(60 * SECOND),
  Vary: 'X-A, Accept-Encoding',
};
const FULL: Fields = {
  ...KEPT,
  'Content-Type': 'text/plain',
  'Content-Language': 'en',
  'Last-Modified': LAST,
};
const lowerCase = (fields: Fields): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]));

/** An application whose answer is stored, and how it answers one request more. */
async function afterStoring(
  headers: Record<string, string>,
  fields: Fields = FULL,
  { body = TEXT, status = 200, method = 'GET' } = {},
) {
  const app = await origin({
    handle: sends({ 'Cache-Control': 'max-age=60', ...fields }, body, status),
  });
  await app.get('/');
  return { ...app, answer: await app.get('/', headers, method) };
}

describe('§9.3.2: HEAD', () => {
  test('gets from the store what GET gets, without content', async () => {
    const { get, answer, calls } = await afterStoring({}, FULL, { method: 'HEAD' });
    const { headers } = await get('/');
    expect(answer.status).toBe(200);
    expect(answer.headers).toEqual(headers);
    expect(headers['content-length']).toBe('11');
    expect(calls()).toBe(1);
  });

  test.each<[string, string, string[]]>([
    ['HEAD', 'HEAD / HTTP/1.1', []],
    ['304', 'GET / HTTP/1.1', ['If-None-Match: "a"']],
  ])('and 304 end with their head: nothing follows %s', async (_what, line, headers) => {
    const { url } = await afterStoring({});
    const host = `Host: ${new URL(url).host}`;
    const text = await exchange(url, [line, host, ...headers, 'Connection: close']);
    expect(text).toMatch(/^HTTP\/1\.1 (200|304) /);
    expect(text).toContain('Cache-Status: express; hit');
    expect(text.endsWith('\r\n\r\n')).toBe(true);
    expect(text.indexOf('\r\n\r\n')).toBe(text.length - 4);
  });

  test('with a range gets what it gets without one (§14.2)', async () => {
    const { answer } = await afterStoring({ range: 'bytes=0-4' }, FULL, { method: 'HEAD' });
    expect([answer.status, answer.headers['content-length']]).toEqual([200, '11']);
    expect(answer.headers).not.toHaveProperty('content-range');
  });
});

describe('content', () => {
  test.each([204, 304])('§8.6: a %i has neither content nor Content-Length', async (status) => {
    const { answer } =
      status === 204
        ? await afterStoring({}, {}, { status, body: '' })
        : await afterStoring({ 'if-none-match': '"a"' });
    expect([answer.status, answer.body]).toEqual([status, '']);
    expect(answer.headers).not.toHaveProperty('content-length');
    expect(answer.headers).not.toHaveProperty('transfer-encoding');
  });

  test.each([301, 308, 404, 410, 503, 299])(
    'of a stored %i comes with its status and fields',
    async (status) => {
      const fields = { Location: '/there', 'Retry-After': '7', 'Content-Type': 'text/x-a' };
      const { answer, calls } = await afterStoring({}, fields, { status, body: 'why' });
      expect([answer.status, answer.body, calls()]).toEqual([status, 'why', 1]);
      expect(answer.headers).toMatchObject(lowerCase(fields));
    },
  );

  test('bytes come back as they were', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
    const { get } = await origin({
      handle: (_req, res) => {
        res.setHeader('Cache-Control', 'max-age=60');
        res.write(bytes.subarray(0, 100));
        res.write('ÿ', 'latin1');
        res.end(bytes.subarray(100));
      },
    });
    const first = await get('/');
    expect((await get('/')).bytes.equals(first.bytes)).toBe(true);
    expect(first.bytes).toHaveLength(257);
  });

  test('§6.6.1: has the Date of the stored answer, once', async () => {
    const { answer } = await afterStoring({});
    expect(answer.rawHeaders.filter((name) => name.toLowerCase() === 'date')).toHaveLength(1);
    expect(answer.headers.date).toBe(dateIn(-SECOND));
  });

  test('reaches a client of HTTP/1.0 whole, without a transfer coding', async () => {
    const { url } = await afterStoring({});
    const text = await exchange(url, ['GET / HTTP/1.0', `Host: ${new URL(url).host}`]);
    expect(text).toContain('; hit;');
    expect(text).not.toMatch(/transfer-encoding/i);
    expect(text).toMatch(/content-length: 11\r\n/i);
    expect(text.endsWith(`\r\n\r\n${TEXT}`)).toBe(true);
  });
});

test('§7.6.1, §7.6.3: a handler that is a proxy: its Via stays, its Age grows, what is for one hop goes', async () => {
  const brought = {
    Age: '7',
    Date: dateIn(-7 * SECOND),
    Via: '1.1 inner',
    Connection: 'x-foo',
    'X-Foo': 'for one hop',
    'Cache-Status': 'inner; hit',
  };
  const { get, clock } = await origin({
    handle: sends({ 'Cache-Control': 'max-age=60', ...brought }),
  });
  await get('/');
  clock.advance(3 * SECOND);
  const { headers } = await get('/');
  expect(headers).toMatchObject({ age: '10', via: '1.1 inner', date: dateIn(-7 * SECOND) });
  expect(headers).not.toHaveProperty('x-foo');
  expect(headers.connection).not.toContain('x-foo');
});

describe('§13: conditions', () => {
  test('§15.4.5: a 304 has what a 200 would tell a cache, and nothing that describes content', async () => {
    const { answer } = await afterStoring({ 'if-none-match': '"a"' });
    expect(answer.status).toBe(304);
    expect(answer.headers).toMatchObject(lowerCase(KEPT));
    for (const name of ['content-type', 'content-language', 'content-encoding', 'content-range']) {
      expect(answer.headers).not.toHaveProperty(name);
    }
  });

  test.each<[string, Record<string, string>, number]>([
    [
      'If-None-Match decides before If-Modified-Since: other tag',
      { 'if-none-match': '"b"', 'if-modified-since': LAST },
      200,
    ],
    [
      'If-None-Match decides before If-Modified-Since: same tag',
      { 'if-none-match': '"a"', 'if-modified-since': dateIn(-99 * SECOND) },
      304,
    ],
    [
      'If-None-Match that is no list of tags still decides',
      { 'if-none-match': 'a', 'if-modified-since': LAST },
      200,
    ],
    ['If-None-Match comes before the range', { 'if-none-match': '"a"', range: 'bytes=0-4' }, 304],
    [
      'If-Modified-Since comes before the range',
      { 'if-modified-since': LAST, range: 'bytes=0-4' },
      304,
    ],
    [
      'the range comes after a condition that is true',
      { 'if-none-match': '"b"', range: 'bytes=0-4' },
      206,
    ],
    [
      'a range that is none comes after them too',
      { 'if-none-match': '"a"', range: 'bytes=99-' },
      304,
    ],
    ['If-Range is nothing without a range', { 'if-range': '"b"' }, 200],
  ])('§13.2.2: %s', async (_what, headers, status) => {
    const { answer, calls } = await afterStoring(headers);
    expect([answer.status, calls()]).toEqual([status, 1]);
  });

  test.each([301, 404, 410, 503])(
    '§13.2.1: are ignored where the answer would be %i anyway',
    async (status) => {
      const headers = { 'if-none-match': '"a"', 'if-modified-since': LAST, range: 'bytes=0-1' };
      const { answer } = await afterStoring(headers, FULL, { status });
      expect([answer.status, answer.body]).toEqual([status, TEXT]);
    },
  );

  test.each(['PUT', 'POST', 'DELETE', 'PATCH'])(
    '§13.1.1, §13.1.2, §13.1.4: of %s are the application’s, untouched',
    async (method) => {
      const own = {
        'if-match': '"a"',
        'if-none-match': '*',
        'if-unmodified-since': LAST,
        'if-modified-since': LAST,
        range: 'bytes=0-1',
      };
      const { seen } = await afterStoring(own, FULL, { method });
      expect(seen[1]!.headers).toMatchObject(own);
    },
  );

  test('are put back on the request once the cache has asked with its own', async () => {
    const seen: unknown[] = [];
    const { get, clock } = await origin({
      before: (app) =>
        app.use((req, res, next) => {
          res.on('finish', () => seen.push(req.headers['if-none-match'], req.headers.range));
          next();
        }),
      handle: validates({ ...FULL }, { ETag: '"a"' }),
    });
    await get('/');
    clock.advance(61 * SECOND);
    await get('/', { 'if-none-match': '"mine"', range: 'bytes=0-1' });
    expect(seen.slice(2)).toEqual(['"mine"', 'bytes=0-1']);
  });
});

describe('§13.1.5: If-Range', () => {
  test.each<[string, Fields, string, number]>([
    ['the stored strong tag', FULL, '"a"', 206],
    ['another tag', FULL, '"b"', 200],
    ['a weak form of the stored tag', FULL, 'W/"a"', 200],
    ['a weak tag that is stored', { ...FULL, ETag: 'W/"a"' }, 'W/"a"', 200],
    ['a strong form of a weak tag', { ...FULL, ETag: 'W/"a"' }, '"a"', 200],
    ['a list of tags', FULL, '"a", "b"', 200],
    ['a star', FULL, '*', 200],
    ['the very Last-Modified', FULL, LAST, 206],
    ['a later date', FULL, dateIn(-59 * SECOND), 200],
    ['an earlier date', FULL, dateIn(-61 * SECOND), 200],
    ['the Date', FULL, dateIn(-SECOND), 200],
    [
      'a Last-Modified as young as Date, which is weak (§8.8.2.2)',
      { ...FULL, 'Last-Modified': dateIn(-SECOND) },
      dateIn(-SECOND),
      200,
    ],
    ['what is neither', FULL, 'a', 200],
  ])('cuts the range only for what matches: %s', async (_what, fields, value, status) => {
    const headers = { range: 'bytes=0-4', 'if-range': value };
    const { answer } = await afterStoring(headers, fields);
    expect([answer.status, answer.body]).toEqual([status, status === 206 ? 'hello' : TEXT]);
  });

  test('that does not match hides that the range could not be had', async () => {
    const { answer } = await afterStoring({ range: 'bytes=99-', 'if-range': '"b"' });
    expect([answer.status, answer.body]).toEqual([200, TEXT]);
  });
});

describe('§14: ranges', () => {
  test('§15.3.7: a 206 has what a 200 would have, and says which part it is', async () => {
    const { answer } = await afterStoring({ range: 'bytes=0-4' });
    expect([answer.status, answer.body]).toEqual([206, 'hello']);
    expect(answer.headers).toMatchObject({
      ...lowerCase(FULL),
      'content-range': 'bytes 0-4/11',
      'content-length': '5',
    });
  });

  test.each([
    ['bytes=0-0', 'h', '0-0'],
    ['bytes=6-', 'world', '6-10'],
    ['bytes=6-10', 'world', '6-10'],
    ['bytes=6-99', 'world', '6-10'],
    ['bytes=10-99999999999999999999', 'd', '10-10'],
    ['bytes=-5', 'world', '6-10'],
    ['bytes=-11', TEXT, '0-10'],
    ['bytes=0-4, 99-', 'hello', '0-4'],
  ])('§14.1.2: %s is %j', async (range, body, part) => {
    const { answer } = await afterStoring({ range });
    expect([answer.status, answer.body]).toEqual([206, body]);
    expect(answer.headers['content-range']).toBe(`bytes ${part}/11`);
    expect(answer.headers['content-length']).toBe(String(body.length));
  });

  test('§14.1.2: bytes=-99 of less is all of it', async () => {
    const { answer } = await afterStoring({ range: 'bytes=-99' });
    expect([answer.status, answer.body]).toEqual([206, TEXT]);
  });

  test.each(['bytes=11-', 'bytes=99-100', 'bytes=-0', 'bytes=11-12, 99-'])(
    '§15.5.17: %s cannot be had: 416 with the length, and without content',
    async (range) => {
      const { answer } = await afterStoring({ range });
      expect([answer.status, answer.body]).toEqual([416, '']);
      expect(answer.headers['content-range']).toBe('bytes */11');
      expect(answer.headers).not.toHaveProperty('content-type');
    },
  );

  test.each(['lines=0-4', 'x-bytes=0-4', 'none'])(
    '§14.2: a unit that is not known is ignored: %s',
    async (range) => {
      const { answer } = await afterStoring({ range });
      expect([answer.status, answer.body]).toEqual([200, TEXT]);
    },
  );

  test.each([
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=a-b',
    'bytes=5-2',
    'bytes=4x-5',
    'bytes=4-5x',
    'bytes=4.0-5',
    'bytes=0x0-4',
    'bytes=+4-5',
    'bytes=--5',
    'bytes=1-2-3',
    'bytes=4',
    'bytes 0-4',
    '0-4',
  ])('§14.2: what is no range is ignored or refused, never cut: %j', async (range) => {
    const { answer } = await afterStoring({ range });
    expect([`200 ${TEXT}`, '416 ']).toContain(`${answer.status} ${answer.body}`);
  });

  test('§14.2: several ranges may be ignored, and are answered with the whole', async () => {
    const { answer } = await afterStoring({ range: 'bytes=0-0,5-5' });
    expect([answer.status, answer.body]).toEqual([200, TEXT]);
  });

  test('are cut from what the application has just confirmed', async () => {
    const { get, clock, calls } = await origin({ handle: validates(FULL, { ETag: '"a"' }, TEXT) });
    await get('/');
    clock.advance(61 * SECOND);
    const { status, body, headers } = await get('/', { range: 'bytes=6-' });
    expect([status, body, headers['content-range']]).toEqual([206, 'world', 'bytes 6-10/11']);
    expect(headers['content-length']).toBe('5');
    expect(calls()).toBe(2);
  });

  /** The status for one who asks for the whole, after another’s range was refused with these fields. */
  async function afterRefusal(fields: Fields): Promise<number> {
    const refusal = { 'Cache-Control': 'max-age=60', ...fields };
    const { get } = await origin({
      handle: ({ headers }, res) =>
        headers.range === undefined ? send(res, FULL, TEXT) : send(res, refusal, '', 416),
    });
    expect((await get('/', { range: 'bytes=99-' })).status).toBe(416);
    return (await get('/')).status;
  }

  test('a 416 of the application is about that range: who asks for the whole gets it', async () => {
    expect(await afterRefusal({ 'Content-Range': 'bytes */11' })).toBe(200);
  });

  test('a 416 without Content-Range is about that range, too', async () => {
    expect(await afterRefusal({})).toBe(200);
  });
});

describe('§12.5.5: Vary', () => {
  test.each<[string, Record<string, string>, number]>([
    ['whole', {}, 200],
    ['a part', { range: 'bytes=0-4' }, 206],
    ['a 304', { 'if-none-match': '"a"' }, 304],
  ])('is on every form of a negotiated answer: %s', async (_what, headers, status) => {
    const { answer } = await afterStoring(headers);
    expect([answer.status, answer.headers.vary]).toEqual([status, 'X-A, Accept-Encoding']);
  });

  test('of what stands above the cache is added to that of what is stored', async () => {
    const { get } = await origin({
      before: (app) =>
        app.use((_req, res, next) => {
          res.vary('Origin');
          next();
        }),
      handle: (_req, res) => void res.vary('X-A').set('Cache-Control', 'max-age=60').end(TEXT),
    });
    const first = await get('/');
    const hit = await get('/');
    for (const { headers } of [first, hit]) {
      expect(headers.vary?.split(/, */).toSorted()).toEqual(['Origin', 'X-A']);
    }
    expect(hit.headers['cache-status']).toContain('hit');
  });
});
