/**
 * What the application tells apart must have keys apart: otherwise one request, made up
 * for it, puts its own answer in the place of another's.
 */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Express } from 'express';

import { closeOrigins, type Origin, origin, type OriginInit } from './origin.ts';

afterEach(closeOrigins);

/** Routes of an API, and a page for every other address, as single-page applications have it. */
function routes(app: Express): void {
  app.get(['/api/x', "/it's"], (req, res) => {
    res.json({ q: req.query.q ?? null, page: req.query.page ?? null });
  });
  app.get('/*any', (_req, res) => void res.send('the page'));
}

const start = (init: OriginInit = {}): Promise<Origin> =>
  origin({ routes, ...init, options: { ttlMs: 60_000, ...init.options } });

/** Asks for just this target: a URL would be normalised, and lose its fragment. */
async function askRaw({ url }: Origin, path: string, host: string = HOST): Promise<string> {
  const { port } = new URL(url);
  const sent = request({ host: '127.0.0.1', port, path, headers: { host }, agent: false }).end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return text(answer);
}

/** What is got after another request, and what it would have been without. */
async function after(
  made: { readonly path: string; readonly host?: string },
  path: string,
  init?: OriginInit,
): Promise<{ readonly poisoned: string; readonly clean: string }> {
  const attacked = await start(init);
  await askRaw(attacked, made.path, made.host);
  const untouched = await start(init);
  return { poisoned: await askRaw(attacked, path), clean: await askRaw(untouched, path) };
}

const HOST = 'a.example';
const MANY = 1000;

test.each([
  ['coded letters in its path, which routers do not decode', '/%61pi/x?q=1'],
  ['coded letters in other case', '/ap%69/x?q=1'],
  ['more empty parameters than parsers read', `/api/x?${'&'.repeat(MANY)}q=1`],
  ['a fragment', '/api/x?q=1#'],
  ['a fragment in the query', '/api/x?#q=1'],
  ['an absolute address', 'http://a.example/page?q=1'],
])('an address with %s takes no other’s place', async (_name, path) => {
  const { poisoned, clean } = await after({ path }, '/api/x?q=1');
  expect(poisoned).toBe(clean);
});

test('an address with a fragment takes no other’s place, where that makes a router decode', async () => {
  const { poisoned, clean } = await after({ path: "/it's#" }, "/it's");
  expect(poisoned).toBe(clean);
});

test.each(['a.example/api', 'a.example/api?', 'a.example/', 'a.example/api#', 'a.example\\api'])(
  'a Host with the beginning of a path, %s, takes no other’s place (RFC 9110 §7.2)',
  async (host) => {
    const { poisoned, clean } = await after({ path: '/x?q=1', host }, '/api/x?q=1');
    expect(poisoned).toBe(clean);
  },
);

describe('what does not count', () => {
  test.each([
    ['ignored', { ignoreQuery: ['utm_*'] }],
    ['not allowed', { allowQuery: ['q'] }],
  ])(
    'hides nothing that does: with more %s parameters than parsers read',
    async (_name, options) => {
      const path = `/api/x?${'utm_&'.repeat(MANY)}q=1`;
      const { poisoned, clean } = await after({ path }, '/api/x?q=1', { options });
      expect(poisoned).toBe(clean);
    },
  );

  test('hides no fragment, behind which parsers see nothing', async () => {
    const { poisoned, clean } = await after({ path: '/api/x?utm_a#&q=1' }, '/api/x?q=1', {
      options: { ignoreQuery: ['utm_*'] },
    });
    expect(poisoned).toBe(clean);
  });

  test.each(['q[]', 'q[a]', '[q]', 'q%5B%5D', '[q][]', '%5Bq]'])(
    'is not %s, which parsers may read as one that does',
    async (name) => {
      const { poisoned, clean } = await after({ path: `/api/x?${name}=evil` }, '/api/x', {
        options: { allowQuery: ['q'] },
        before: (app) => void app.set('query parser', 'extended'),
      });
      expect(poisoned).toBe(clean);
    },
  );
});
