/** RFC 9213 §2: directives that are meant for this cache, and win over those for all. */
import { closeOrigins, origin } from './origin.ts';
import { dateIn, DAY, type Fields, HOUR, reuses, SECOND, send, sends, stored } from './rfc.ts';

afterEach(closeOrigins);

describe('§2.2: a field on the target list', () => {
  test.each<[string, Fields]>([
    ['no-store', { 'CDN-Cache-Control': 'max-age=60', 'Cache-Control': 'no-store' }],
    ['private', { 'CDN-Cache-Control': 'max-age=60', 'Cache-Control': 'private' }],
    ['no-cache', { 'CDN-Cache-Control': 'max-age=60', 'Cache-Control': 'no-cache' }],
    ['s-maxage=0', { 'CDN-Cache-Control': 'max-age=60', 'Cache-Control': 's-maxage=0' }],
    ['Expires', { 'CDN-Cache-Control': 'max-age=60', Expires: dateIn(-HOUR) }],
    ['max-age=10', { 'CDN-Cache-Control': 'foo, max-age=60', 'Cache-Control': 'max-age=10' }],
  ])('allows what %s in the common fields would not', async (_what, fields) => {
    const app = await origin({ handle: sends(fields) });
    expect(await reuses(app, 59 * SECOND)).toBe(true);
  });

  test.each<[string, string | readonly string[]]>([
    ['no-store', 'no-store'],
    ['no-store beside max-age', 'max-age=60, no-store'],
    ['no-store on another line', ['max-age=60', 'no-store']],
    ['no-store, with a parameter', 'no-store;x=1'],
    ['private', 'private'],
    ['private beside s-maxage', 's-maxage=60, private'],
    ['private written as true', 'private=?1'],
  ])('forbids to store what the common fields would allow: %s', async (_what, directives) => {
    const app = await origin({
      handle: sends({
        'CDN-Cache-Control': directives,
        'Cache-Control': 'public, max-age=60',
        Expires: dateIn(HOUR),
        ETag: '"a"',
      }),
    });
    expect(await reuses(app)).toBe(false);
    expect(stored(app)).toBe(0);
  });

  test.each<[string, string]>([
    ['no-cache', 'no-cache'],
    ['no-cache beside max-age', 'max-age=60, no-cache'],
    ['max-age=0', 'max-age=0'],
  ])('forbids to use what is stored without asking: %s', async (_what, directives) => {
    const fields = { 'CDN-Cache-Control': directives, 'Cache-Control': 'max-age=60', ETag: '"a"' };
    const app = await origin({ handle: sends(fields) });
    expect(await reuses(app)).toBe(false);
    expect(app.seen[1]!.headers['if-none-match']).toBe('"a"');
  });

  test.each([
    ['max-age=10', true],
    ['max-age=10, must-revalidate', false],
    ['max-age=10, proxy-revalidate', false],
    ['s-maxage=10', false],
  ])('decides what may be used stale, not Cache-Control: %s: %j', async (directives, again) => {
    const app = await origin({
      handle: sends({
        'CDN-Cache-Control': directives,
        'Cache-Control': again ? 'must-revalidate' : 'max-age=99',
      }),
    });
    expect(await reuses(app, 11 * SECOND, {}, { 'cache-control': 'max-stale' })).toBe(again);
  });

  test('has the precedence of Cache-Control among its own: s-maxage over max-age', async () => {
    const handle = sends({ 'CDN-Cache-Control': 'max-age=60, s-maxage=10' });
    expect(await reuses(await origin({ handle }), 9 * SECOND)).toBe(true);
    expect(await reuses(await origin({ handle }), 10 * SECOND)).toBe(false);
  });

  test('says what is for everybody: public, and a list of fields that are not', async () => {
    const { get, calls } = await origin({
      handle: sends({
        'CDN-Cache-Control': 'public, max-age=60, private="x-own"',
        'Cache-Control': 'private',
        'X-Own': '1',
      }),
    });
    await get('/', { authorization: 'Bearer a' });
    const { headers } = await get('/', { authorization: 'Bearer b' });
    expect(calls()).toBe(1);
    expect(headers).not.toHaveProperty('x-own');
  });

  test('leaves nothing to Cache-Control and Expires, also where it says little', async () => {
    const fields = {
      'CDN-Cache-Control': 'none',
      'Cache-Control': 'max-age=60',
      Expires: dateIn(HOUR),
    };
    expect(await reuses(await origin({ handle: sends(fields) }))).toBe(false);
  });

  test('with unknown directives only allows what nothing forbids: a guessed lifetime', async () => {
    const fields = {
      'CDN-Cache-Control': 'none',
      'Cache-Control': 'no-store',
      'Last-Modified': dateIn(-10 * DAY),
    };
    expect(await reuses(await origin({ handle: sends(fields) }))).toBe(true);
  });

  test('reaches the windows of RFC 5861', async () => {
    const { get, clock } = await origin({
      handle: (_req, res, call) =>
        call === 1
          ? send(res, { 'CDN-Cache-Control': 'max-age=10, stale-if-error=60' })
          : send(res, {}, '', 503),
    });
    await get('/');
    clock.advance(20 * SECOND);
    expect((await get('/')).status).toBe(200);
  });

  test('of a confirmation counts from then on', async () => {
    const { get, clock, calls } = await origin({
      handle: (req, res) =>
        req.headers['if-none-match'] === '"a"'
          ? send(res, { ETag: '"a"', 'CDN-Cache-Control': 'max-age=100' }, '', 304)
          : send(res, { ETag: '"a"', 'CDN-Cache-Control': 'max-age=10' }),
    });
    await get('/');
    clock.advance(11 * SECOND);
    await get('/');
    clock.advance(99 * SECOND);
    await get('/');
    expect(calls()).toBe(2);
  });

  test('is passed on, with all others and as it is', async () => {
    const fields = {
      'Cache-Control': 'max-age=1',
      'CDN-Cache-Control': 'max-age=60;x=1',
      'Other-CDN-Cache-Control': 'max-age=7',
    };
    const { get, calls } = await origin({ handle: sends(fields) });
    for (const { headers } of [await get('/'), await get('/')]) {
      expect(headers).toMatchObject({
        'cache-control': 'max-age=1',
        'cdn-cache-control': 'max-age=60;x=1',
        'other-cdn-cache-control': 'max-age=7',
      });
    }
    expect(calls()).toBe(1);
  });
});

describe('§2.1: its value', () => {
  // The field is as if it were not there: the common ones count.
  test.each([
    '',
    ' ',
    'max-age=60,',
    'max-age=60,,no-store',
    'Max-Age=60',
    'max-age=60; no-store"',
    'max-age = 60',
    'max-age=60 no-store',
    '"max-age=60"',
    'max-age="60',
    'max-age=99999999999999999999',
    '=60',
  ])('that is empty or no Dictionary is ignored: %j', async (directives) => {
    const targeted = (common: string): Promise<boolean> =>
      origin({ handle: sends({ 'CDN-Cache-Control': directives, 'Cache-Control': common }) }).then(
        (app) => reuses(app, 11 * SECOND),
      );
    expect(await targeted('max-age=10')).toBe(false);
    expect(await targeted('max-age=20')).toBe(true);
  });

  test.each([
    'max-age=60;ext=1',
    'max-age=60;no-store',
    'max-age=60, ext="no-store, private"',
    'max-age=60, ext=(no-store private)',
    'max-age=10, max-age=60',
    'foo=?0, max-age=60',
    ' max-age=60 ,\tfoo ',
  ])('has parameters and unknown members that say nothing: %s', async (directives) => {
    const fields = { 'CDN-Cache-Control': directives, 'Cache-Control': 'no-store' };
    expect(await reuses(await origin({ handle: sends(fields) }), 59 * SECOND)).toBe(true);
  });

  test.each([
    'max-age="60"',
    'max-age=60.0',
    'max-age=60.5',
    'max-age',
    'max-age=sixty',
    'max-age=?1',
    'max-age=(60)',
    'max-age=:NjA=:',
    'max-age=-60',
  ])('of another type than the directive has is not taken for one: %s', async (directives) => {
    const fields = { 'CDN-Cache-Control': directives, 'Cache-Control': 'max-age=60' };
    expect(await reuses(await origin({ handle: sends(fields) }))).toBe(false);
  });
});

describe('§2.2: the target list', () => {
  const targets = ['Own-Cache-Control', 'CDN-Cache-Control'];

  test.each<[string, Fields, number]>([
    [
      'the first of several',
      { 'CDN-Cache-Control': 'max-age=20', 'own-cache-control': 'max-age=10' },
      10,
    ],
    ['the next, where the first is absent', { 'CDN-Cache-Control': 'max-age=20' }, 20],
    [
      'the next, where the first is empty',
      { 'CDN-Cache-Control': 'max-age=20', 'Own-Cache-Control': '' },
      20,
    ],
    [
      'the next, where the first is invalid',
      { 'CDN-Cache-Control': 'max-age=20', 'Own-Cache-Control': 'max-age=1,' },
      20,
    ],
    ['Cache-Control, where none is there', {}, 30],
    [
      'Cache-Control, where none is valid',
      { 'CDN-Cache-Control': 'MAX', 'Own-Cache-Control': ',' },
      30,
    ],
  ])('chooses %s', async (_what, fields, seconds) => {
    const handle = sends({ 'Cache-Control': 'max-age=30', ...fields });
    const options = { targets };
    expect(await reuses(await origin({ handle, options }), seconds * SECOND - 1)).toBe(true);
    expect(await reuses(await origin({ handle, options }), seconds * SECOND)).toBe(false);
  });

  test('is all that counts: a field that is not on it changes nothing', async () => {
    const fields = {
      'Cache-Control': 'max-age=60',
      'CDN-Cache-Control': 'no-store',
      'Other-Cache-Control': 'no-store',
    };
    const app = await origin({
      handle: sends(fields),
      options: { targets: ['Own-Cache-Control'] },
    });
    expect(await reuses(app)).toBe(true);
  });

  test('can be empty', async () => {
    const fields = { 'Cache-Control': 'no-store', 'CDN-Cache-Control': 'max-age=60' };
    expect(await reuses(await origin({ handle: sends(fields), options: { targets: [] } }))).toBe(
      false,
    );
  });

  test('is about answers: a request’s field says nothing', async () => {
    const app = await origin({ handle: sends({ 'Cache-Control': 'max-age=60' }) });
    expect(await reuses(app, 0, {}, { 'cdn-cache-control': 'no-cache, no-store' })).toBe(true);
  });
});
