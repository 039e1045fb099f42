/** RFC 9111 §4.1 and §4.2: which requests a stored answer suits, and how long it is fresh. */
import { closeOrigins, origin, until } from './origin.ts';
import {
  arrivals,
  dateIn,
  DAY,
  type Fields,
  HOUR,
  reuses,
  SECOND,
  send,
  sends,
  sendsThen,
} from './rfc.ts';

afterEach(closeOrigins);

const FRESH: Fields = { 'Cache-Control': 'max-age=60' };

describe('§4.1: a stored answer with Vary', () => {
  type Headers = Record<string, string | string[]>;

  test.each<[string, string | readonly string[], Headers, Headers]>([
    ['the value is the same', 'X-A', { 'x-a': '1' }, { 'x-a': '1' }],
    ['both lack it', 'X-A', {}, {}],
    ['blanks around list members differ', 'X-A', { 'x-a': 'a,b' }, { 'x-a': 'a , \tb' }],
    ['one sends a list as lines', 'X-A', { 'x-a': 'a, b' }, { 'x-a': ['a', 'b'] }],
    [
      'Accept-Language differs in case only',
      'Accept-Language',
      { 'accept-language': 'EN' },
      { 'accept-language': 'en' },
    ],
    [
      'what Vary does not name differs',
      'X-A',
      { 'x-a': '1', 'x-b': '1' },
      { 'x-a': '1', 'x-b': '2' },
    ],
    [
      'all of several are the same',
      'X-A, X-B',
      { 'x-a': '1', 'x-b': '2' },
      { 'x-a': '1', 'x-b': '2' },
    ],
    ['Vary is empty', ' , ', { 'x-a': '1' }, { 'x-a': '2' }],
  ])('suits a request where %s', async (_what, vary, first, second) => {
    const app = await origin({ handle: sends({ ...FRESH, Vary: vary }) });
    expect(await reuses(app, 0, first, second)).toBe(true);
  });

  test.each<[string, string | readonly string[], Headers, Headers]>([
    ['the value differs', 'X-A', { 'x-a': '1' }, { 'x-a': '2' }],
    ['it is absent now', 'X-A', { 'x-a': '1' }, {}],
    ['it was absent', 'X-A', {}, { 'x-a': '1' }],
    ['it was absent, and is empty', 'X-A', {}, { 'x-a': '' }],
    ['case differs, and may matter', 'X-A', { 'x-a': 'a' }, { 'x-a': 'A' }],
    ['members stand in another order', 'X-A', { 'x-a': 'a,b' }, { 'x-a': 'b,a' }],
    [
      'the second of several differs',
      'X-A, X-B',
      { 'x-a': '1', 'x-b': '1' },
      { 'x-a': '1', 'x-b': '2' },
    ],
    ['values change places', 'X-A, X-B', { 'x-a': '1', 'x-b': '2' }, { 'x-a': '2', 'x-b': '1' }],
    ['Vary is of several lines', ['X-A', 'x-b'], { 'x-b': '1' }, { 'x-b': '2' }],
    ['Vary is oddly written', ' ,x-A ,\tX-b,', { 'x-b': '1' }, { 'x-b': '2' }],
    ['Vary says *', '*', {}, {}],
    ['Vary says * among others', 'X-A, *', { 'x-a': '1' }, { 'x-a': '1' }],
    ['Vary says * on another line', ['X-A', '*'], { 'x-a': '1' }, { 'x-a': '1' }],
    ['User-Agent differs', 'User-Agent', { 'user-agent': 'a' }, { 'user-agent': 'b' }],
    ['Origin differs', 'Origin', { origin: 'http://a' }, { origin: 'http://b' }],
  ])('does not suit one where %s', async (_what, vary, first, second) => {
    const app = await origin({ handle: sends({ ...FRESH, Vary: vary }) });
    expect(await reuses(app, 0, first, second)).toBe(false);
  });

  test.each([
    ['Accept-Language', 'en, fr', 'fr, en'],
    ['Accept', 'text/html, application/json', 'application/json, text/html'],
  ])(
    'does not suit one whose %s prefers otherwise among equal weights',
    async (name, one, other) => {
      const { get } = await origin({
        handle: (req, res) => {
          const chosen =
            name === 'Accept' ? req.accepts(['json', 'html']) : req.acceptsLanguages(['en', 'fr']);
          send(res, { ...FRESH, Vary: name }, String(chosen));
        },
      });
      const first = (await get('/', { [name]: one })).body;
      expect((await get('/', { [name]: other })).body).not.toBe(first);
    },
  );

  test('is kept beside others, and each request gets its own', async () => {
    const { get, calls } = await origin({
      handle: (req, res) => send(res, { ...FRESH, Vary: 'X-A' }, String(req.headers['x-a'])),
    });
    for (const value of ['1', '2', '1', '2', '3', '1']) {
      expect((await get('/', { 'x-a': value })).body).toBe(value);
    }
    expect(calls()).toBe(3);
  });

  test('does not suit a request that came while it was made, and differs', async () => {
    const values = ['1', '2', '3', '1', '2', '3'];
    const { before, total } = arrivals();
    const { get } = await origin({
      before,
      handle: async (req, res) => {
        await until(() => total() === values.length);
        send(res, { ...FRESH, Vary: 'X-A' }, String(req.headers['x-a']));
      },
    });
    const all = await Promise.all(values.map((value) => get('/', { 'x-a': value })));
    expect(all.map(({ body }) => body)).toEqual(values);
  });
});

describe('§4.2: a lifetime', () => {
  const rfc850 = (ms: number): string => {
    const [, day, month, year, time] = dateIn(ms).split(' ');
    return `Thursday, ${day}-${month}-${year!.slice(2)} ${time} GMT`;
  };
  const asctime = (ms: number): string => {
    const [, day, month, year, time] = dateIn(ms).split(' ');
    return `Thu ${month} ${day!.replace(/^0/, ' ')} ${time} ${year}`;
  };

  // What the answer says, and the seconds for which it is fresh, to the millisecond.
  test.each<[string, number, Fields]>([
    ['max-age', 10, { 'Cache-Control': 'max-age=10' }],
    ['max-age in odd case', 10, { 'cache-control': 'MAX-Age=10' }],
    ['max-age, quoted', 10, { 'Cache-Control': 'max-age="10"' }],
    [
      'max-age among unknown directives',
      10,
      { 'Cache-Control': 'foo, max-age=10, bar="max-age=99, x"' },
    ],
    ['max-age on a line of its own', 10, { 'Cache-Control': ['public', 'max-age=10'] }],
    ['max-age over Expires', 10, { 'Cache-Control': 'max-age=10', Expires: dateIn(HOUR) }],
    [
      'max-age over Expires in the past',
      10,
      { 'Cache-Control': 'max-age=10', Expires: dateIn(-HOUR) },
    ],
    ['max-age over an invalid Expires', 10, { 'Cache-Control': 'max-age=10', Expires: '0' }],
    ['s-maxage over max-age', 10, { 'Cache-Control': 'max-age=60, s-maxage=10' }],
    ['s-maxage over a shorter max-age', 60, { 'Cache-Control': 's-maxage=60, max-age=10' }],
    ['s-maxage over Expires', 10, { 'Cache-Control': 's-maxage=10', Expires: dateIn(-HOUR) }],
    ['the first or stricter of two max-age', 10, { 'Cache-Control': 'max-age=10, max-age=60' }],
    ['the first or stricter of two lines', 10, { 'Cache-Control': ['max-age=10', 'max-age=60'] }],
    ['Expires without Date', 10, { Expires: dateIn(10 * SECOND) }],
    ['Expires less Date', 10, { Expires: dateIn(30 * SECOND), Date: dateIn(20 * SECOND) }],
    [
      'Expires less Date, and an age',
      10,
      { Expires: dateIn(10 * SECOND), Date: dateIn(-20 * SECOND) },
    ],
    ['Expires with a Date that is none', 10, { Expires: dateIn(10 * SECOND), Date: 'now' }],
    ['Expires as RFC 850 writes it', 10, { Expires: rfc850(10 * SECOND) }],
    ['Expires as asctime writes it', 10, { Expires: asctime(10 * SECOND) }],
    ['§5.1: less Age', 10, { 'Cache-Control': 'max-age=15', Age: '5' }],
    ['§5.1: less the first member of Age', 10, { 'Cache-Control': 'max-age=15', Age: '5, 12' }],
    ['§5.1: less the first line of Age', 10, { 'Cache-Control': 'max-age=15', Age: ['5', '12'] }],
    [
      '§4.2.3: less the apparent age',
      10,
      { 'Cache-Control': 'max-age=15', Date: dateIn(-5 * SECOND) },
    ],
    [
      '§4.2.3: less the greater of both',
      10,
      { 'Cache-Control': 'max-age=15', Date: dateIn(-3 * SECOND), Age: '5' },
    ],
    [
      '§4.2.3: less the greater of both, again',
      10,
      { 'Cache-Control': 'max-age=15', Date: dateIn(-5 * SECOND), Age: '3' },
    ],
    [
      '§4.2.3: and no apparent age below 0',
      10,
      { 'Cache-Control': 'max-age=10', Date: dateIn(HOUR) },
    ],
    ['§1.2.2: up to 2^31', 2 ** 31, { 'Cache-Control': 'max-age=99999999999999999999' }],
  ])('is by %s: %i s', async (_what, seconds, fields) => {
    const handle = sends({ ETag: '"a"', ...fields });
    expect(await reuses(await origin({ handle }), seconds * SECOND - 1)).toBe(true);
    expect(await reuses(await origin({ handle }), seconds * SECOND)).toBe(false);
  });

  describe.each([
    ['lower case', dateIn(10 * SECOND).toLowerCase()],
    ['upper case', dateIn(10 * SECOND).toUpperCase()],
  ])('in %s', (_what, expires) => {
    test('is by Expires', async () => {
      const app = await origin({ handle: sends({ Expires: expires }) });
      expect(await reuses(app)).toBe(true);
    });
  });

  test.each(['abc', '-5', '5.5', '', '"5"', 'abc, 50', '5 s'])(
    'is not shortened by an Age that is none: %j (§5.1)',
    async (age) => {
      const app = await origin({ handle: sends({ 'Cache-Control': 'max-age=10', Age: age }) });
      expect(await reuses(app, 9 * SECOND)).toBe(true);
      expect((await app.get('/')).headers.age).toBe('9');
    },
  );

  // All have a date from which a long lifetime could be guessed: an explicit one forbids that (§4.2.2).
  test.each<[string, Fields]>([
    ...[
      'max-age=0',
      's-maxage=0',
      's-maxage=0, max-age=60',
      'max-age=60, max-age=0',
      'max-age=-1',
      'max-age=1.5',
      'max-age=abc',
      'max-age=60x',
      'max-age=0x3c',
      'max-age=',
      'max-age=""',
      'max-age',
      "max-age='60'",
      'max-age = 60',
      'max-age= 60',
      'max-age=60 60',
      'max-age=60;a',
      's-maxage=a, max-age=60',
    ].map((directives): [string, Fields] => [directives, { 'Cache-Control': directives }]),
    ...[
      '0',
      '-1',
      '',
      'now',
      dateIn(0),
      dateIn(-1),
      dateIn(HOUR).replace('GMT', 'UTC'),
      dateIn(HOUR).replace('GMT', 'EST'),
      dateIn(HOUR).replace(' GMT', ''),
      dateIn(HOUR).replace('GMT', '+0000'),
      '2027-01-01T00:00:00Z',
      'Thu, 32 Jan 2026 00:00:00 GMT',
      'Thu, 01 Jan 2026 24:00:00 GMT',
      `${dateIn(HOUR)}, ${dateIn(HOUR)}`,
    ].map((date): [string, Fields] => [`Expires: ${date}`, { Expires: date }]),
    ['two lines of Expires', { Expires: [dateIn(HOUR), dateIn(-HOUR)] }],
    ['Expires before Date', { Expires: dateIn(HOUR), Date: dateIn(2 * HOUR) }],
    ['Age beyond 2^31', { 'Cache-Control': 'max-age=2147483648', Age: '99999999999' }],
    ['Age beyond max-age', { ...FRESH, Age: '60' }],
    ['Date further back than max-age', { ...FRESH, Date: dateIn(-60 * SECOND) }],
    ['no-cache beside max-age', { 'Cache-Control': 'max-age=60, no-cache' }],
  ])('is over at once: %s', async (_what, fields) => {
    const modified = { 'Last-Modified': dateIn(-100 * DAY) };
    const app = await origin({ handle: sends({ ...modified, ...fields }) });
    expect(await reuses(app)).toBe(false);
  });
});

describe('§4.2.2: a guessed lifetime', () => {
  test.each<[string, Fields]>([
    ['in the future', { 'Last-Modified': dateIn(HOUR) }],
    ['that is no date', { 'Last-Modified': 'yesterday' }],
    ['of the same moment', { 'Last-Modified': dateIn(0) }],
  ])('is none for a Last-Modified %s', async (_what, fields) => {
    expect(await reuses(await origin({ handle: sends(fields) }))).toBe(false);
  });

  test('counts from Date, and what is old already is no longer fresh', async () => {
    const fields = { 'Last-Modified': dateIn(-11 * HOUR), Date: dateIn(-HOUR) };
    expect(await reuses(await origin({ handle: sends(fields) }))).toBe(false);
  });

  test('can be switched off', async () => {
    const handle = sends({ 'Last-Modified': dateIn(-10 * DAY) });
    expect(await reuses(await origin({ handle, options: { heuristicRatio: 0 } }))).toBe(false);
  });
});

describe('§4.2.3: Age', () => {
  test('of what comes from another cache counts from the request, and then grows', async () => {
    const { get, clock } = await origin({
      handle: (_req, res) => {
        clock.advance(5 * SECOND);
        send(res, { ...FRESH, Age: '10' });
      },
    });
    await get('/');
    expect((await get('/')).headers.age).toBe('15');
    clock.advance(20 * SECOND);
    expect((await get('/')).headers.age).toBe('35');
  });

  test('is whole seconds, from 0 on', async () => {
    const { get, clock } = await origin({ handle: sends(FRESH) });
    await get('/');
    const ages: unknown[] = [];
    for (const ms of [0, 999, 1, 58_999]) {
      clock.advance(ms);
      ages.push((await get('/')).headers.age);
    }
    expect(ages).toEqual(['0', '0', '1', '59']);
  });

  test('begins again when the handler has answered anew', async () => {
    const { get, clock, calls } = await origin({ handle: sends(FRESH) });
    await get('/');
    clock.advance(60 * SECOND);
    expect((await get('/')).headers).not.toHaveProperty('age');
    clock.advance(SECOND);
    expect((await get('/')).headers.age).toBe('1');
    expect(calls()).toBe(2);
  });
});

describe('§4.2.4: what is past its lifetime', () => {
  test.each([500, 502, 503, 504])(
    'is not sent in place of a %i that nobody has allowed it for',
    async (status) => {
      const { get, clock } = await origin({
        handle: sendsThen(sends({ ...FRESH, ETag: '"a"' }), sends({}, 'failed', status)),
      });
      await get('/');
      clock.advance(60 * SECOND);
      const { body, headers, ...failed } = await get('/');
      expect([failed.status, body, headers.age]).toEqual([status, 'failed', undefined]);
    },
  );

  test.each([
    ['must-revalidate', 'max-age=10, must-revalidate'],
    ['proxy-revalidate', 'max-age=10, proxy-revalidate'],
    ['s-maxage', 's-maxage=10'],
    ['no-cache', 'max-age=10, no-cache'],
  ])('is not sent where %s forbids it, whatever else allows it', async (_what, directives) => {
    const allowed = `${directives}, stale-while-revalidate=60, stale-if-error=60`;
    const { get, clock } = await origin({
      options: { staleWhileRevalidateMs: HOUR, staleIfErrorMs: HOUR },
      handle: sendsThen(sends({ 'Cache-Control': allowed, ETag: '"a"' }), sends({}, 'failed', 503)),
    });
    await get('/');
    clock.advance(11 * SECOND);
    expect((await get('/', { 'cache-control': 'max-stale' })).status).toBe(503);
  });
});
