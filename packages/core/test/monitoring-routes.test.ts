import express from 'express';

import {
  defineMiddleware,
  exchangeOf,
  HANDLED,
  type MonitoringAccess,
  monitoringPage,
  type MonitoringRoute,
  monitoringRoutes,
  ProblemError,
} from '@org/core';
import { serve } from '@org/core/testing';

const TOKEN = 'a-token-of-16-characters';
let stop: (() => Promise<void>) | undefined;
afterEach(async () => {
  await stop?.();
  stop = undefined;
});

const ROUTES: Readonly<Record<string, MonitoringRoute>> = {
  '/api/middleware/jobs': { GET: ({ query }) => ({ jobs: 3, sort: query.get('sort') }) },
  '/api/middleware/jobs/:id': {
    GET: ({ params }) => Promise.resolve({ id: params['id'] }),
    DELETE: () => undefined,
  },
  '/api/middleware/jobs/:id/:what': {
    POST: ({ params }) => {
      if (params['what'] !== 'replay') {
        throw new ProblemError({ code: 'ERR_NOT_THERE', status: 404, detail: 'No such thing.' });
      }
      return Promise.reject(new ProblemError({ code: 'ERR_LATE', status: 409, detail: 'Late.' }));
    },
  },
  '/api/middleware/capture': {
    effects: true,
    GET: () =>
      monitoringPage({
        contentType: 'image/svg+xml',
        body: '<svg/>',
        headers: { 'Content-Security-Policy': "default-src 'none'" },
      }),
  },
  '/api/middleware/stream': {
    GET: ({ exchange }) => {
      exchange.res.end('by itself');
      return HANDLED;
    },
  },
};

async function start(access?: MonitoringAccess): Promise<string> {
  const app = express();
  const routes: string[] = [];
  app.use(
    '/ops',
    defineMiddleware({ name: 'desk', phase: 'edge', step: monitoringRoutes(ROUTES, access) }),
  );
  app.use(
    defineMiddleware({ name: 'desk', phase: 'edge', step: monitoringRoutes(ROUTES, access) }),
  );
  app.use((req, res) => void res.status(404).send('the app'));
  app.use(((error: ProblemError, req, res, _next) => {
    routes.push(String(exchangeOf(req, res).route));
    res.status(error.status).set(error.headers).json({ code: error.code, detail: error.message });
  }) as express.ErrorRequestHandler);
  const { url, close } = await serve(app);
  stop = close;
  return url;
}

const code = async (answer: Response): Promise<unknown> =>
  ((await answer.json()) as { code: string }).code;

describe('monitoring routes', () => {
  test('answer documents as JSON, to GET and HEAD, never stored and never sniffed', async () => {
    const url = await start();
    const answer = await fetch(`${url}/api/middleware/jobs?sort=age`);
    expect(await answer.json()).toEqual({ jobs: 3, sort: 'age' });
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    const head = await fetch(`${url}/api/middleware/jobs`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '22']);
    expect(await head.text()).toBe('');
  });

  test('know segments by name, decoded; late answers; nothing as 204', async () => {
    const url = await start();
    const jobs = `${url}/api/middleware/jobs`;
    expect(await (await fetch(`${jobs}/a%20b`)).json()).toEqual({ id: 'a b' });
    expect(await (await fetch(`${jobs}/%E0%A4`)).json()).toEqual({ id: '%E0%A4' });
    const gone = await fetch(`${jobs}/7`, { method: 'DELETE' });
    expect([gone.status, gone.headers.get('cache-control')]).toEqual([204, 'no-store']);
    expect(await (await fetch(`${url}/api/middleware/stream`)).text()).toBe('by itself');
  });

  test('answer pages of other types with headers of their own', async () => {
    const answer = await fetch(`${await start()}/api/middleware/capture`);
    expect(await answer.text()).toBe('<svg/>');
    expect(answer.headers.get('content-type')).toBe('image/svg+xml');
    expect(answer.headers.get('content-security-policy')).toBe("default-src 'none'");
  });

  test('leave everything else alone, and work below a mount', async () => {
    const url = await start();
    for (const path of [
      '/',
      '/api/middleware',
      '/api/middleware/jobs/',
      '/api/middleware/jobsx',
      '/api/middleware/jobs/1/2/3',
    ]) {
      expect(await (await fetch(url + path)).text()).toBe('the app');
    }
    expect((await fetch(`${url}/ops/api/middleware/jobs`)).status).toBe(200);
  });

  test('hand what is thrown, at once or later, to the error handlers', async () => {
    const url = await start();
    const post = (what: string): Promise<Response> =>
      fetch(`${url}/api/middleware/jobs/1/${what}`, { method: 'POST' });
    expect(await code(await post('burn'))).toBe('ERR_NOT_THERE');
    expect(await code(await post('replay'))).toBe('ERR_LATE');
  });

  test('refuse other methods, with those that are allowed', async () => {
    const url = await start();
    const answer = await fetch(`${url}/api/middleware/jobs/7`, { method: 'PATCH' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD, DELETE']);
  });

  test('are closed to strangers, open to the token', async () => {
    const url = await start(TOKEN);
    const forwarded = { 'x-forwarded-for': '203.0.113.7' };
    const stranger = await fetch(`${url}/api/middleware/jobs`, { headers: forwarded });
    expect([stranger.status, await code(stranger)]).toEqual([403, 'ERR_MONITORING_CLOSED']);
    const operator = await fetch(`${url}/api/middleware/jobs`, {
      headers: { ...forwarded, authorization: `Bearer ${TOKEN}` },
    });
    expect(operator.status).toBe(200);
  });

  test.each<[string, string, string, Record<string, string>, number]>([
    ['reads, whoever asks', 'GET', '/jobs', { 'sec-fetch-site': 'cross-site' }, 200],
    ['writes of its own pages', 'DELETE', '/jobs/1', { 'sec-fetch-site': 'same-origin' }, 204],
    ['writes of other sites', 'DELETE', '/jobs/1', { 'sec-fetch-site': 'cross-site' }, 403],
    ['writes of neighbours', 'DELETE', '/jobs/1', { 'sec-fetch-site': 'same-site' }, 403],
    ['writes of another origin', 'DELETE', '/jobs/1', { origin: 'https://evil.example' }, 403],
    ['writes of no origin at all', 'DELETE', '/jobs/1', { origin: 'null' }, 403],
    [
      'writes that bring a token, whatever Host a proxy has written',
      'DELETE',
      '/jobs/1',
      { origin: 'http://ops.example', authorization: `Bearer ${TOKEN}` },
      204,
    ],
    [
      'writes of its own pages through a proxy that says for which Host it stands',
      'DELETE',
      '/jobs/1',
      { origin: 'http://ops.example', 'x-forwarded-host': 'ops.example' },
      204,
    ],
    [
      'writes of another origin through the same',
      'DELETE',
      '/jobs/1',
      { origin: 'http://evil.example', 'x-forwarded-host': 'ops.example' },
      403,
    ],
    [
      'writes of another origin that bring what a browser adds by itself',
      'DELETE',
      '/jobs/1',
      { origin: 'http://evil.example', authorization: 'Basic b3BzOm9wcw==' },
      403,
    ],
    ['reads that have effects', 'GET', '/capture', { 'sec-fetch-site': 'cross-site' }, 403],
    ['the same, by the address bar', 'GET', '/capture', { 'sec-fetch-site': 'none' }, 200],
  ])('what pages ask for, of whom is let in: %s', async (_what, method, path, headers, status) => {
    const url = `${await start(() => true)}/api/middleware${path}`;
    expect((await fetch(url, { method, headers })).status).toBe(status);
  });

  test('an origin of its own is let in', async () => {
    const url = await start();
    const answer = await fetch(`${url}/api/middleware/jobs/1`, {
      method: 'DELETE',
      headers: { origin: url },
    });
    expect(answer.status).toBe(204);
  });
});
