import type { AddressInfo } from 'node:net';
import { setup } from '@org/setup';
import { tasks, type TasksOptions } from '@org/tasks';
import express from 'express';

import { until } from './engine-contract.ts';

const clean: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const step of clean.splice(0).toReversed()) await step();
});

const PATH = '/api/middleware/tasks';
const JSON_TYPE = { 'content-type': 'application/json' };
/** Callers through a proxy are not local, whatever their address. */
const OUTSIDE = { 'x-forwarded-for': '203.0.113.9' };

async function serving(options: Partial<TasksOptions> = {}) {
  const jobs = tasks(options);
  const task = jobs.define<{ fails: boolean; text: string }>('mail', {
    attempts: 1,
    handler: ({ data }) => {
      if (data.fails) throw new Error('no such mailbox');
    },
  });
  const app = express();
  const stack = setup(app, [jobs]);
  app.use((_req, res) => void res.status(200).send('app'));
  const server = await stack.listen(0, '127.0.0.1');
  clean.push(async () => {
    server.closeAllConnections();
    await stack.close();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(url + path, {
      ...init,
      headers: { connection: 'close', ...(init.headers as object) },
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (isJson && text !== '' ? JSON.parse(text) : {}) as Record<string, unknown>,
    };
  };
  const dead = async (text = 'hello'): Promise<string> => {
    const handle = await task.add({ fails: true, text });
    await handle.result().catch(() => undefined);
    return handle.id;
  };
  return { jobs, task, ask, dead };
}

describe('the monitoring route', () => {
  test('shows numbers, schedules and dead jobs with their diagnosis', async () => {
    const { jobs, task, ask, dead } = await serving();
    jobs.schedule('nightly', '0 3 * * *', { task, data: { fails: false, text: '' } });
    await (await task.add({ fails: false, text: '' })).result();
    const id = await dead('x'.repeat(1000));
    const { status, headers, body } = await ask(PATH);
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toMatchObject({
      engine: 'memory',
      waiting: 0,
      delayed: 1,
      active: 0,
      dead: 1,
      completedTotal: 1,
      failedTotal: 1,
      retriedTotal: 0,
      deadTotal: 1,
      types: [{ name: 'mail', completedTotal: 1, runMs: { p50: expect.any(Number) } }],
      schedules: [{ name: 'nightly', pattern: '0 3 * * * UTC' }],
      deadJobs: [{ id, type: 'mail', failures: [{ message: 'no such mailbox', attempt: 1 }] }],
    });
    const [shown] = body.deadJobs as { data?: unknown; dataExcerpt?: string }[];
    expect(shown?.data).toBeUndefined();
    expect(shown?.dataExcerpt).toHaveLength(500);
  });

  test('has dead jobs replayed and discarded', async () => {
    const { jobs, ask, dead } = await serving();
    const [first, second] = [await dead(), await dead()];
    const post = (path: string) => ask(PATH + path, { method: 'POST' });
    expect((await post(`/dead/${first}/replay`)).status).toBe(204);
    expect((await post(`/dead/${second}/discard`)).status).toBe(204);
    for (const gone of [`/dead/${second}/discard`, '/dead/no%ZZ/replay']) {
      expect(await post(gone)).toMatchObject({ status: 404, body: { code: 'ERR_TASKS_UNKNOWN' } });
    }
    // It fails again, and is dead again; the other one is gone.
    await until(() => jobs.stats().deadTotal === 3);
    expect((await jobs.dead.list()).map(({ id }) => id)).toEqual([first]);
  });

  test('takes nothing that a page of another site could send', async () => {
    const { jobs, ask, dead } = await serving();
    const id = await dead();
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://elsewhere.example' },
      { origin: 'null' },
    ]) {
      const answer = await ask(`${PATH}/dead/${id}/discard`, { method: 'POST', headers });
      expect(answer).toMatchObject({ status: 403, body: { code: 'ERR_MONITORING_CLOSED' } });
    }
    expect(await ask(`${PATH}/dead/${id}/discard`)).toMatchObject({ status: 405 });
    expect(await ask(PATH, { method: 'POST', headers: JSON_TYPE, body: '{}' })).toMatchObject({
      status: 405,
    });
    expect(jobs.stats()).toMatchObject({ dead: 1 });
  });

  test('is closed to all but the token, where there is one', async () => {
    const access = 'a-token-of-enough-length';
    const { ask, dead } = await serving({ access });
    const id = await dead();
    const discard = { method: 'POST', body: '{}' } as const;
    for (const [path, init] of [
      [PATH, {}],
      [`${PATH}/dead/${id}/discard`, { ...discard }],
    ] as const) {
      const answer = await ask(path, { ...init, headers: { ...JSON_TYPE, ...OUTSIDE } });
      expect(answer).toMatchObject({ status: 403, body: { code: 'ERR_MONITORING_CLOSED' } });
    }
    const authorization = `Bearer ${access}`;
    expect((await ask(PATH, { headers: { ...OUTSIDE, authorization } })).status).toBe(200);
    expect((await ask(PATH)).status).toBe(403);
  });

  test('leaves other paths to the app, and can be elsewhere or nowhere', async () => {
    const { ask } = await serving();
    for (const other of ['x', '/live', '/dead/x/other']) {
      expect((await ask(PATH + other)).text).toBe('app');
    }
    const elsewhere = await serving({ path: '/_jobs' });
    expect((await elsewhere.ask('/_jobs?x=1')).status).toBe(200);
    expect((await elsewhere.ask(PATH)).text).toBe('app');
    const nowhere = await serving({ path: false });
    expect((await nowhere.ask(PATH)).text).toBe('app');
  });
});
