/** RFC 9111 §3.2 and §4.3: asking whether what is stored still holds, and what the answer changes. */
import { closeOrigins, origin } from './origin.ts';
import { dateIn, type Fields, SECOND, send, sends, sendsThen, validates } from './rfc.ts';

afterEach(closeOrigins);

const BRIEF: Fields = { 'Cache-Control': 'max-age=10' };
const TAGGED: Fields = { ...BRIEF, ETag: '"a"' };
const DATED: Fields = { ...BRIEF, 'Last-Modified': dateIn(-60 * SECOND) };
const PAST = 11 * SECOND;

describe('§4.3.1: the request that validates', () => {
  test.each<[string, Fields, string | undefined, string | undefined]>([
    ['a strong tag', { ETag: '"a"' }, '"a"', undefined],
    ['a weak tag', { ETag: 'W/"a"' }, 'W/"a"', undefined],
    ['a tag with a comma', { ETag: '"a,b"' }, '"a,b"', undefined],
    ['a date', { 'Last-Modified': dateIn(-SECOND) }, undefined, dateIn(-SECOND)],
    ['both', { ETag: '"a"', 'Last-Modified': dateIn(-SECOND) }, '"a"', dateIn(-SECOND)],
    ['neither', {}, undefined, undefined],
  ])('carries the stored validators, as they were: %s', async (_what, fields, match, since) => {
    const { get, clock, seen } = await origin({ handle: sends({ ...BRIEF, ...fields }) });
    await get('/');
    clock.advance(PAST);
    await get('/');
    const { headers } = seen[1]!;
    expect([headers['if-none-match'], headers['if-modified-since']]).toEqual([match, since]);
  });

  test('carries all else that the client sent, and neither its conditions nor its range', async () => {
    const { get, clock, seen } = await origin({ handle: sends({ ...TAGGED, Vary: 'X-A' }) });
    await get('/', { 'x-a': '1' });
    clock.advance(PAST);
    const own = { 'if-none-match': '"b"', 'if-modified-since': dateIn(0), range: 'bytes=0-1' };
    await get('/', { 'x-a': '1', 'x-b': '2', 'if-range': '"b"', ...own });
    const { headers } = seen[1]!;
    expect(headers).toMatchObject({ 'x-a': '1', 'x-b': '2', 'if-none-match': '"a"' });
    for (const name of ['if-modified-since', 'range', 'if-range']) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  test('is about the answer that the client’s fields choose, not about another', async () => {
    const { get, clock, seen } = await origin({
      handle: (req, res) =>
        send(res, { ...BRIEF, Vary: 'X-A', ETag: `"${String(req.headers['x-a'])}"` }),
    });
    await get('/', { 'x-a': '1' });
    await get('/', { 'x-a': '2' });
    clock.advance(PAST);
    await get('/', { 'x-a': '1' });
    expect(seen[2]!.headers['if-none-match']).toBe('"1"');
  });
});

describe('§4.3.2: conditions on what is stored', () => {
  const LAST = dateIn(-60 * SECOND);

  test.each<[string, Fields, Record<string, string>, number]>([
    ['a tag that is the stored one', { ETag: '"a"' }, { 'if-none-match': '"a"' }, 304],
    ['one of several tags', { ETag: '"a"' }, { 'if-none-match': '"b" , "a"' }, 304],
    ['a weak form of it', { ETag: '"a"' }, { 'if-none-match': 'W/"a"' }, 304],
    ['a strong form of a weak one', { ETag: 'W/"a"' }, { 'if-none-match': '"a"' }, 304],
    ['a star', { ETag: '"a"' }, { 'if-none-match': '*' }, 304],
    ['a star, without a tag', {}, { 'if-none-match': '*' }, 304],
    ['another tag', { ETag: '"a"' }, { 'if-none-match': '"b"' }, 200],
    ['a tag in another case', { ETag: '"a"' }, { 'if-none-match': '"A"' }, 200],
    ['a tag without quotes', { ETag: '"a"' }, { 'if-none-match': 'a' }, 200],
    ['a tag, without a stored one', {}, { 'if-none-match': '"a"' }, 200],
    ['the stored date', { 'Last-Modified': LAST }, { 'if-modified-since': LAST }, 304],
    ['a later date', { 'Last-Modified': LAST }, { 'if-modified-since': dateIn(-59 * SECOND) }, 304],
    [
      'an earlier date',
      { 'Last-Modified': LAST },
      { 'if-modified-since': dateIn(-61 * SECOND) },
      200,
    ],
    ['what is no date', { 'Last-Modified': LAST }, { 'if-modified-since': 'today' }, 200],
    [
      'Date, for want of Last-Modified',
      { Date: dateIn(-5 * SECOND) },
      { 'if-modified-since': dateIn(-5 * SECOND) },
      304,
    ],
    [
      'a date before Date, for want of Last-Modified',
      { Date: dateIn(-5 * SECOND) },
      { 'if-modified-since': dateIn(-6 * SECOND) },
      200,
    ],
    ['the time of receipt, for want of both', {}, { 'if-modified-since': dateIn(0) }, 304],
    ['a time before it, for want of both', {}, { 'if-modified-since': dateIn(-SECOND) }, 200],
    [
      'another tag with the stored date',
      { ETag: '"a"', 'Last-Modified': LAST },
      { 'if-none-match': '"b"', 'if-modified-since': LAST },
      200,
    ],
  ])('are evaluated: %s', async (_what, fields, headers, status) => {
    const { get, calls } = await origin({
      handle: sends({ 'Cache-Control': 'max-age=60', ...fields }),
    });
    await get('/');
    expect((await get('/', headers)).status).toBe(status);
    expect((await get('/', headers, 'HEAD')).status).toBe(status);
    expect(calls()).toBe(1);
  });

  test.each([
    ['If-Match', { 'if-match': '"b"' }],
    ['If-Match of the stored tag', { 'if-match': '"a"' }],
    ['If-Unmodified-Since', { 'if-unmodified-since': dateIn(-60 * SECOND) }],
  ])('that are for the origin alone are left to it: %s', async (_what, headers) => {
    const { get, seen } = await origin({
      handle: (req, res) =>
        req.headers['if-match'] === undefined && req.headers['if-unmodified-since'] === undefined
          ? send(res, { 'Cache-Control': 'max-age=60', ETag: '"a"' })
          : send(res, {}, '', 412),
    });
    await get('/');
    expect((await get('/', headers)).status).toBe(412);
    expect(seen[1]!.headers).toMatchObject(headers);
    // The refusal says nothing of what is stored.
    expect((await get('/')).status).toBe(200);
    expect(seen).toHaveLength(2);
  });

  test.each([
    ['If-None-Match', { 'if-none-match': '"a"' }],
    ['If-Modified-Since', { 'if-modified-since': dateIn(0) }],
    ['a range', { range: 'bytes=0-1', 'if-range': '"a"' }],
  ])('on what is not stored are left to the application: %s', async (_what, headers) => {
    const { get, seen } = await origin({ handle: sends(TAGGED) });
    expect((await get('/', headers)).status).toBe(200);
    expect(seen[0]!.headers).toMatchObject(headers);
  });

  test('are answered 200 where the 304 was for the cache’s tag, not for the client’s', async () => {
    const { get, clock } = await origin({ handle: validates(TAGGED, { ETag: '"a"' }) });
    await get('/');
    clock.advance(PAST);
    const { status, body } = await get('/', { 'if-none-match': '"other"' });
    expect([status, body]).toEqual([200, 'hello']);
  });

  test('are answered 304 where the application confirms what the client has, too', async () => {
    const { get, clock } = await origin({ handle: validates(TAGGED, { ETag: '"a"' }) });
    await get('/');
    clock.advance(PAST);
    const { status, body, headers } = await get('/', { 'if-none-match': '"a"' });
    expect([status, body, headers.etag]).toEqual([304, '', '"a"']);
  });
});

describe('§4.3.2: conditions of the client, where the application answers anew', () => {
  test.each([
    ['304 where they say that the client has it', '"b"', 304, ''],
    ['200 where they do not', '"c"', 200, 'new'],
  ])('are answered %s', async (_what, match, status, body) => {
    const later = { ...BRIEF, ETag: '"b"', 'Content-Type': 'text/plain' };
    const { get, clock, calls } = await origin({
      handle: sendsThen(sends(TAGGED, 'old'), sends(later, 'new')),
    });
    await get('/');
    clock.advance(PAST);
    const answer = await get('/', { 'if-none-match': match });
    expect([answer.status, answer.body, answer.headers.etag]).toEqual([status, body, '"b"']);
    // The whole of it was stored, whatever the client got.
    expect([(await get('/')).body, calls()]).toEqual(['new', 2]);
  });
});

describe('§4.3.3: the answer to a validation', () => {
  test.each<[string, Fields]>([
    ['a tag', TAGGED],
    ['a date', DATED],
  ])(
    '304, about %s: what is stored is sent, fresh again, with its status and body',
    async (_what, fields) => {
      const { get, clock, calls } = await origin({
        handle: validates({ ...fields, 'Content-Type': 'text/x-a' }, fields),
      });
      await get('/');
      clock.advance(PAST);
      const { status, body, headers } = await get('/');
      expect([status, body, headers['content-type']]).toEqual([200, 'hello', 'text/x-a']);
      expect(headers['content-length']).toBe('5');
      clock.advance(9 * SECOND);
      const hit = await get('/');
      expect([hit.body, hit.headers.age, calls()]).toEqual(['hello', '9', 2]);
    },
  );

  test('a full one is sent, and takes the place of what is stored', async () => {
    const { get, clock, calls } = await origin({
      handle: (_req, res, call) => send(res, { ...BRIEF, ETag: `"${call}"` }, String(call)),
    });
    await get('/');
    clock.advance(PAST);
    expect((await get('/')).body).toBe('2');
    expect((await get('/')).body).toBe('2');
    expect(calls()).toBe(2);
  });

  test('a full one that may not be stored is sent, and what was stored is not used again', async () => {
    const { get, clock } = await origin({
      handle: (_req, res, call) =>
        send(res, call === 1 ? TAGGED : { 'Cache-Control': 'no-store' }, String(call)),
    });
    await get('/');
    clock.advance(PAST);
    expect((await get('/')).body).toBe('2');
    expect((await get('/', { 'cache-control': 'max-stale' })).body).toBe('3');
  });

  test('a 404 or 410 is sent, and nothing stored stands in for it', async () => {
    const { get, clock } = await origin({
      handle: sendsThen(
        sends({ ...TAGGED, 'Cache-Control': 'max-age=10, stale-if-error=60' }),
        sends({}, 'gone', 410),
      ),
    });
    await get('/');
    clock.advance(PAST);
    expect((await get('/')).status).toBe(410);
  });

  test('5xx is sent, and what is stored is asked about again', async () => {
    const { get, clock, seen } = await origin({
      handle: (req, res, call) =>
        (call === 2 ? sends({}, '', 503) : validates(TAGGED, { ETag: '"a"' }))(req, res, call),
    });
    await get('/');
    clock.advance(PAST);
    expect((await get('/')).status).toBe(503);
    expect((await get('/')).body).toBe('hello');
    expect(seen[2]!.headers['if-none-match']).toBe('"a"');
  });
});

describe('§4.3.4 and §3.2: a 304', () => {
  /** The fields of the first answer, of the 304, and then of the answer to a validation and of a hit. */
  async function updated(fields: Fields, update: Fields) {
    const app = await origin({
      handle: sendsThen(sends(fields), (_req, res) => send(res, update, '', 304)),
    });
    await app.get('/');
    app.clock.advance(PAST);
    const validated = await app.get('/');
    return { ...app, both: [validated, await app.get('/')] };
  }

  test('replaces the stored fields that it brings, line by line, adds new ones and keeps others', async () => {
    const { both, calls } = await updated(
      { ...TAGGED, 'X-Old': 'a', 'X-Kept': 'kept', Date: dateIn(0) },
      { ...TAGGED, 'X-Old': 'b', 'x-new': 'new', Date: dateIn(PAST) },
    );
    for (const { headers } of both) {
      expect(headers).toMatchObject({ 'x-old': 'b', 'x-kept': 'kept', 'x-new': 'new' });
      expect(headers.date).toBe(dateIn(PAST));
    }
    expect(calls()).toBe(2);
  });

  test('does not change what describes the stored body, nor brings what is never stored', async () => {
    const { both } = await updated(
      { ...TAGGED, 'Content-Encoding': 'x-none' },
      {
        ...TAGGED,
        'Content-Length': '99',
        'Content-Encoding': 'x-other',
        'Content-Range': 'bytes 0-1/2',
        Connection: 'close, x-hop',
        'X-Hop': '1',
        'Proxy-Authenticate': 'Basic',
      },
    );
    for (const { headers, body } of both) {
      expect([body, headers['content-length'], headers['content-encoding']]).toEqual([
        'hello',
        '5',
        'x-none',
      ]);
      for (const name of ['content-range', 'x-hop', 'proxy-authenticate']) {
        expect(headers).not.toHaveProperty(name);
      }
    }
  });

  test.each<[string, Fields, boolean]>([
    ['a longer lifetime', { 'Cache-Control': 'max-age=100' }, true],
    ['Expires, beside a stored max-age that wins', { Expires: dateIn(200 * SECOND) }, false],
    ['no lifetime any more', { 'Cache-Control': 'max-age=0' }, false],
    ['no-cache', { 'Cache-Control': 'no-cache' }, false],
    ['no-store', { 'Cache-Control': 'no-store' }, false],
    ['private', { 'Cache-Control': 'private, max-age=100' }, false],
    ['Vary: *', { 'Cache-Control': 'max-age=100', Vary: '*' }, false],
    ['an Age beyond its lifetime', { 'Cache-Control': 'max-age=100', Age: '100' }, false],
  ])(
    'tells on which terms what is stored may be used from then on: %s',
    async (_what, update, again) => {
      const { get, clock, calls } = await updated(TAGGED, { ETag: '"a"', ...update });
      const before = calls();
      clock.advance(50 * SECOND);
      await get('/');
      expect(calls() === before && before === 2).toBe(again);
    },
  );

  test('counts the age that it brings from another cache', async () => {
    const { both } = await updated(TAGGED, { ...TAGGED, Age: '4' });
    expect(both.map(({ headers }) => headers.age)).toEqual(['4', '4']);
  });

  test('with another strong tag updates nothing', async () => {
    const { both } = await updated(TAGGED, { ...TAGGED, ETag: '"b"', 'X-New': 'new' });
    for (const { headers } of both) expect(headers).not.toHaveProperty('x-new');
  });

  describe.each<[string, Fields, Fields]>([
    ['a strong tag, where the stored one is weak', { ETag: 'W/"a"' }, { ETag: '"a"' }],
    [
      'a strong tag, where none is stored',
      { 'Last-Modified': dateIn(-60 * SECOND) },
      { ETag: '"b"' },
    ],
    ['another date', { 'Last-Modified': dateIn(-60 * SECOND) }, { 'Last-Modified': dateIn(0) }],
  ])('with %s', (_what, fields, update) => {
    test('updates nothing either', async () => {
      const { both } = await updated(
        { ...BRIEF, ...fields },
        { ...BRIEF, ...update, 'X-New': 'new' },
      );
      for (const { headers } of both) expect(headers).not.toHaveProperty('x-new');
    });
  });

  describe.each(['private', 'no-cache'])('that says %s="X-Own"', (name) => {
    test('does not bring that field for anybody else (§5.2.2.4, §5.2.2.7)', async () => {
      const { both } = await updated(
        { ...TAGGED, 'X-Own': 'first' },
        { ETag: '"a"', 'Cache-Control': `${name}="X-Own", max-age=10`, 'X-Own': 'second' },
      );
      expect(both[1]!.headers['x-own']).not.toBe('second');
    });
  });

  test('updates only the one of several answers that it is about', async () => {
    const { get, clock } = await origin({
      handle: (req, res) => {
        const { 'x-a': a, 'if-none-match': match } = req.headers;
        const fields = { ...BRIEF, Vary: 'X-A', ETag: `"${String(a)}"` };
        if (match === undefined) send(res, { ...fields, 'X-State': 'old' }, String(a));
        else send(res, { ...fields, 'X-State': 'new' }, '', 304);
      },
    });
    await get('/', { 'x-a': '1' });
    await get('/', { 'x-a': '2' });
    clock.advance(PAST);
    expect((await get('/', { 'x-a': '1' })).headers['x-state']).toBe('new');
    const stale = await get('/', { 'x-a': '2', 'cache-control': 'max-stale' });
    expect([stale.headers['x-state'], stale.body]).toEqual(['old', '2']);
  });
});
