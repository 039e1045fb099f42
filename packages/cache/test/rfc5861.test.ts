/** RFC 5861: stale answers while they are fetched anew, and in place of errors. */
import { closeOrigins, origin, until } from './origin.ts';
import { type Fields, type Handle, SECOND, send, sends, sendsThen } from './rfc.ts';

afterEach(closeOrigins);

describe('§3: stale-while-revalidate', () => {
  const numbered =
    (directives: string): Handle =>
    (_req, res, call) =>
      send(res, { 'Cache-Control': directives }, String(call));

  test('within its window the stored answer is sent at once, with its age, and then a new one', async () => {
    const { get, clock, calls } = await origin({
      handle: numbered('max-age=600, stale-while-revalidate=30'),
    });
    await get('/');
    clock.advance(629 * SECOND + 999);
    const stale = await get('/');
    expect([stale.body, stale.headers.age]).toEqual(['1', '629']);
    await until(() => calls() === 2);
    let body = '1';
    for (let turn = 0; body === '1' && turn < 100; turn++) ({ body } = await get('/'));
    expect([body, calls()]).toEqual(['2', 2]);
  });

  test('sends the stored answer while the application is at work', async () => {
    let finish: (() => void) | undefined;
    const { get, clock } = await origin({
      handle: (_req, res, call) => {
        const answer = (): void =>
          send(res, { 'Cache-Control': 'max-age=10, stale-while-revalidate=30' }, String(call));
        if (call === 1) answer();
        else finish = answer;
      },
    });
    await get('/');
    clock.advance(11 * SECOND);
    for (let turn = 0; turn < 3; turn++) expect((await get('/')).body).toBe('1');
    await until(() => finish !== undefined);
    finish!();
  });

  test.each<[string, number, string]>([
    ['max-age=10, stale-while-revalidate=30', 40 * SECOND, 'when its window is over'],
    ['max-age=10, stale-while-revalidate=0', 10 * SECOND, 'without a window'],
    ['max-age=10, stale-while-revalidate', 10 * SECOND, 'without an argument'],
    ['max-age=10, stale-while-revalidate=abc', 10 * SECOND, 'with an argument that is none'],
    ['max-age=10, stale-while-revalidate=-30', 10 * SECOND, 'with a negative argument'],
    ['max-age=10, x="stale-while-revalidate=30"', 10 * SECOND, 'in quotes'],
  ])('%s: %i ms on the client waits for a new answer, %s', async (directives, afterMs) => {
    const { get, clock } = await origin({ handle: numbered(directives) });
    await get('/');
    clock.advance(afterMs);
    expect((await get('/')).body).toBe('2');
  });

  test.each(['no-cache', 'max-age=0', 'max-age=10', 'min-fresh=1'])(
    'is not for a request that says %s',
    async (directives) => {
      const { get, clock } = await origin({
        handle: numbered('max-age=10, stale-while-revalidate=30'),
      });
      await get('/');
      clock.advance(11 * SECOND);
      expect((await get('/', { 'cache-control': directives })).body).toBe('2');
    },
  );

  test('of a request says nothing', async () => {
    const { get, clock } = await origin({ handle: numbered('max-age=10') });
    await get('/');
    clock.advance(11 * SECOND);
    expect((await get('/', { 'cache-control': 'stale-while-revalidate=99' })).body).toBe('2');
  });
});

describe('§4: stale-if-error', () => {
  const STALE: Fields = { 'Cache-Control': 'max-age=600, stale-if-error=1200', 'X-Of': 'stored' };
  const fails = (status: number): Handle =>
    sends(
      { 'X-Of': 'failure', 'Retry-After': '9', 'Cache-Control': 'max-age=5' },
      'failed',
      status,
    );

  test.each([500, 502, 503, 504])(
    'the stored answer stands in for %i, whole and with its age',
    async (status) => {
      const { get, clock } = await origin({ handle: sendsThen(sends(STALE), fails(status)) });
      await get('/');
      clock.advance(900 * SECOND);
      const answer = await get('/');
      expect([answer.status, answer.body, answer.headers.age]).toEqual([200, 'hello', '900']);
      expect(answer.headers).toMatchObject({ 'x-of': 'stored', 'content-length': '5' });
      expect(answer.headers).not.toHaveProperty('retry-after');
    },
  );

  test.each([400, 404, 410, 429, 501, 505, 511, 200, 302])(
    'it does not stand in for %i',
    async (status) => {
      const { get, clock } = await origin({ handle: sendsThen(sends(STALE), fails(status)) });
      await get('/');
      clock.advance(900 * SECOND);
      expect((await get('/')).status).toBe(status);
    },
  );

  test('it stands in for what a handler throws', async () => {
    const { get, clock, app } = await origin({
      handle: (_req, res, call) => {
        if (call > 1) throw new Error('no database');
        send(res, STALE);
      },
    });
    app.set('env', 'test');
    await get('/');
    clock.advance(900 * SECOND);
    const { status, body } = await get('/');
    expect([status, body]).toEqual([200, 'hello']);
  });

  test('it stands in for a failure whose answer is streamed', async () => {
    const { get, clock } = await origin({
      handle: sendsThen(sends(STALE), (_req, res) => {
        res.status(503).write('fai');
        setImmediate(() => res.end('led'));
      }),
    });
    await get('/');
    clock.advance(900 * SECOND);
    const { status, body } = await get('/');
    expect([status, body]).toEqual([200, 'hello']);
  });

  test.each<[string, number]>([
    ['max-age=10, stale-if-error=30', 40 * SECOND],
    ['max-age=10, stale-if-error=0', 10 * SECOND],
    ['max-age=10, stale-if-error', 10 * SECOND],
    ['max-age=10, stale-if-error=abc', 10 * SECOND],
    ['max-age=10, stale-if-error=30, must-revalidate', 11 * SECOND],
    ['max-age=10, stale-while-revalidate=5', 15 * SECOND],
  ])('%s: %i ms on the failure is sent', async (directives, afterMs) => {
    const first = sends({ 'Cache-Control': directives, ETag: '"a"' });
    const { get, clock } = await origin({ handle: sendsThen(first, fails(503)) });
    await get('/');
    clock.advance(afterMs);
    expect((await get('/')).status).toBe(503);
  });

  test('up to the last moment of its window the stored answer is sent', async () => {
    const first = sends({ 'Cache-Control': 'max-age=10, stale-if-error=30' });
    const { get, clock } = await origin({ handle: sendsThen(first, fails(503)) });
    await get('/');
    clock.advance(40 * SECOND - 1);
    expect((await get('/')).status).toBe(200);
  });

  test('what has stood in is not fresh: the application is asked each time, until it answers', async () => {
    const { get, clock, calls } = await origin({
      handle: (req, res, call) =>
        (call === 2 || call === 3 ? fails(503) : sends(STALE, String(call)))(req, res, call),
    });
    await get('/');
    clock.advance(900 * SECOND);
    const bodies: string[] = [];
    for (let turn = 0; turn < 4; turn++) bodies.push((await get('/')).body);
    expect(bodies).toEqual(['1', '1', '4', '4']);
    expect(calls()).toBe(4);
  });

  test('it stands in for nobody whom it does not suit', async () => {
    const first = sends({ ...STALE, Vary: 'X-A' });
    const { get, clock } = await origin({ handle: sendsThen(first, sends({}, '', 503)) });
    await get('/');
    clock.advance(900 * SECOND);
    expect((await get('/', { 'x-a': '1' })).status).toBe(503);
    expect((await get('/', { authorization: 'Bearer a' })).status).toBe(503);
    expect((await get('/')).status).toBe(200);
  });
});
