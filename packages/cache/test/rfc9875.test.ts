/** RFC 9875: groups of stored answers, and what invalidates them. */
import { closeOrigins, origin } from './origin.ts';
import { type Fields, SECOND, send } from './rfc.ts';

afterEach(closeOrigins);

/** What an answer to GET says of its groups, and what the other one says of those that it changes. */
interface Said {
  readonly groups?: string | readonly string[];
  readonly invalidates?: string | readonly string[];
  readonly method?: string;
  readonly status?: number;
}

const FRESH: Fields = { 'Cache-Control': 'max-age=60' };
const GROUPS = 'Cache-Groups';
const INVALIDATION = 'Cache-Group-Invalidation';

/** Whether what is stored for `/page` is still used after another request to `/change`. */
async function outlives({
  groups,
  invalidates,
  method = 'POST',
  status = 200,
}: Said): Promise<boolean> {
  const { get, calls } = await origin({
    handle: (req, res) =>
      req.path === '/page'
        ? send(res, groups === undefined ? FRESH : { ...FRESH, [GROUPS]: groups })
        : send(res, invalidates === undefined ? {} : { [INVALIDATION]: invalidates }, '', status),
  });
  await get('/page');
  await get('/change', {}, method);
  const before = calls();
  await get('/page');
  return calls() === before;
}

const MANY = Array.from({ length: 32 }, (_, at) => `"${String(at).padStart(32, 'x')}"`);

describe('§2, §3: Cache-Groups and Cache-Group-Invalidation', () => {
  test.each<[string, Said]>([
    ['the same String', { groups: '"a"', invalidates: '"a"' }],
    ['in any place', { groups: '"x", "y", "a"', invalidates: '"b", "a", "c"' }],
    ['on any line', { groups: ['"x"', '"a"'], invalidates: ['"b"', '"a"'] }],
    ['with parameters, which are ignored', { groups: '"a";x=1', invalidates: '"a";y, "b"' }],
    ['with blanks and signs of its own', { groups: '"a, b c"', invalidates: '"a, b c"' }],
    ['with escaped signs', { groups: String.raw`"a\"\\"`, invalidates: String.raw`"a\"\\"` }],
    ['of 32 with 32 characters', { groups: MANY.join(', '), invalidates: MANY[31]! }],
    ['by 32 with 32 characters', { groups: MANY[31]!, invalidates: MANY.join(', ') }],
  ])('invalidate an answer by %s', async (_what, said) => {
    expect(await outlives(said)).toBe(false);
  });

  test.each<[string, Said]>([
    ['another String', { groups: '"a"', invalidates: '"b"' }],
    ['another case', { groups: '"a"', invalidates: '"A"' }],
    ['other blanks', { groups: '"a b"', invalidates: '"a  b", " a b"' }],
    ['part of a String', { groups: '"ab"', invalidates: '"a", "b", "a*", "*"' }],
    ['an address', { groups: '"a"', invalidates: '"/page", "=/page"' }],
    ['no group at all', { invalidates: '"a", "", "undefined"' }],
    ['no invalidation at all', { groups: '"a"' }],
    ['a list that is empty', { groups: '"a"', invalidates: '' }],
    ['a list that is none', { groups: '"a"', invalidates: '"a", ' }],
    ['a list that never ends', { groups: '"a"', invalidates: '"a", "b' }],
    ['a Token', { groups: '"a"', invalidates: 'a' }],
    ['a list with a Token', { groups: '"a"', invalidates: '"a", b' }],
    ['an inner list', { groups: '"a"', invalidates: '("a")' }],
    ['a group that is a Token', { groups: 'a', invalidates: '"a"' }],
    ['a group in a list that is none', { groups: '"a",', invalidates: '"a"' }],
    ['a group in an inner list', { groups: '("a")', invalidates: '"a"' }],
  ])('do not invalidate an answer by %s', async (_what, said) => {
    expect(await outlives(said)).toBe(true);
  });

  test.each(['GET', 'HEAD', 'OPTIONS', 'TRACE'])(
    '§3: the invalidation must be ignored on the answer to %s, which is safe',
    async (method) => {
      expect(await outlives({ groups: '"a"', invalidates: '"a"', method })).toBe(true);
    },
  );

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'PURGE'])(
    '§3: it counts on the answer to %s',
    async (method) => {
      expect(await outlives({ groups: '"a"', invalidates: '"a"', method })).toBe(false);
    },
  );

  test.each([400, 404, 500, 503])(
    'nothing is invalidated by a request that failed with %i (RFC 9111 §4.4)',
    async (status) => {
      expect(await outlives({ groups: '"a"', invalidates: '"a"', status })).toBe(true);
    },
  );
});

test('§2.1: groups are those of one origin', async () => {
  const { get, calls } = await origin({
    handle: (req, res) =>
      send(res, req.method === 'GET' ? { ...FRESH, [GROUPS]: '"a"' } : { [INVALIDATION]: '"a"' }),
  });
  await get('/page', { host: 'one.example' });
  await get('/page', { host: 'two.example' });
  await get('/change', { host: 'one.example' }, 'POST');
  await get('/page', { host: 'two.example' });
  expect(calls()).toBe(3);
  await get('/page', { host: 'one.example' });
  expect(calls()).toBe(4);
});

describe('§2.2.1: what shares a group with what is invalidated', () => {
  async function after(
    pages: Record<string, string>,
    change: string,
    again: string,
  ): Promise<boolean> {
    const { get, calls } = await origin({
      handle: (req, res) => send(res, { ...FRESH, [GROUPS]: pages[req.path] ?? '' }),
    });
    for (const path of Object.keys(pages)) await get(path);
    await get(change, {}, 'POST');
    const before = calls();
    await get(again);
    return calls() === before;
  }

  test('is invalidated, too', async () => {
    expect(await after({ '/one': '"a"', '/two': '"b", "a"' }, '/one', '/two')).toBe(false);
  });

  test('takes nothing further with it: it does not cascade', async () => {
    const pages = { '/one': '"a"', '/two': '"a", "b"', '/three': '"b"' };
    expect(await after(pages, '/one', '/three')).toBe(true);
  });

  test('is only what shares one', async () => {
    expect(await after({ '/one': '"a"', '/two': '"b"' }, '/one', '/two')).toBe(true);
    expect(await after({ '/one': '"a"', '/two': '"a"' }, '/none', '/two')).toBe(true);
  });
});

test('all answers of an address that differ by Vary are in their own groups', async () => {
  const { get, calls } = await origin({
    handle: (req, res) =>
      req.method === 'GET'
        ? send(res, { ...FRESH, Vary: 'X-A', [GROUPS]: `"${String(req.headers['x-a'])}"` })
        : send(res, { [INVALIDATION]: '"1"' }),
  });
  await get('/', { 'x-a': '1' });
  await get('/', { 'x-a': '2' });
  await get('/change', {}, 'POST');
  await get('/', { 'x-a': '2' });
  expect(calls()).toBe(3);
  await get('/', { 'x-a': '1' });
  expect(calls()).toBe(4);
});

test('both fields are passed on, and stored as they are', async () => {
  const fields = { ...FRESH, [GROUPS]: '"a";x=1, "b"' };
  const { get } = await origin({ handle: (_req, res) => send(res, fields) });
  for (const { headers } of [await get('/'), await get('/')]) {
    expect(headers['cache-groups']).toBe('"a";x=1, "b"');
  }
});

describe('groups that a confirmation brings (RFC 9111 §3.2)', () => {
  test('are those of the stored answer from then on', async () => {
    const { get, clock, calls } = await origin({
      handle: (req, res) => {
        const fields = { ...FRESH, ETag: '"a"' };
        if (req.method === 'POST') send(res, { [INVALIDATION]: '"new"' });
        else if (req.headers['if-none-match'] === '"a"')
          send(res, { ...fields, [GROUPS]: '"new"' }, '', 304);
        else send(res, { ...fields, [GROUPS]: '"old"' });
      },
    });
    await get('/');
    clock.advance(60 * SECOND);
    expect((await get('/')).headers['cache-groups']).toBe('"new"');
    await get('/change', {}, 'POST');
    const before = calls();
    await get('/');
    expect(calls()).toBe(before + 1);
  });
});
