import { request } from 'node:http';
import { defineMiddleware, HANDLED, internalRequest } from '@org/core';
import { devtools, type FaultRule } from '@org/devtools';
import type { Express } from 'express';

import { closeTools, startTools, type Tools } from './tools.ts';

afterEach(closeTools);

const routes = (app: Express): void => {
  app.get('/hotels/:id', (_req, res) => void res.json({ name: 'Grand', rooms: 'x'.repeat(200) }));
  app.get('/stream', (_req, res) => {
    res.write('one,');
    setImmediate(() => res.end('two,'.repeat(100)));
  });
  app.get('/', (_req, res) => void res.send('fine'));
};

const faulty = (faults: readonly FaultRule[], more: object = {}): Promise<Tools> =>
  startTools({ options: { faults }, routes, whole: [], ...more });

/** What a client sees of an answer, with how it ended. */
function ask(
  url: string,
  headers: Record<string, string> = {},
): Promise<{
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
  complete: boolean;
}> {
  return new Promise((resolve, reject) => {
    const call = request(url, { headers, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (part: string) => (body += part));
      answer.on('error', () => undefined);
      answer.on('close', () =>
        resolve({
          status: answer.statusCode!,
          headers: answer.headers,
          body,
          complete: answer.complete,
        }),
      );
    });
    call.on('error', reject).end();
  });
}

describe('a fault', () => {
  it('of a status is an error as any other, or has a body of its own', async () => {
    const { url } = await faulty([
      { route: 'GET /hotels/:id', fault: { status: 503 } },
      { fault: { status: 418, body: { tea: true } } },
    ]);
    expect(await ask(`${url}/hotels/7`)).toMatchObject({
      status: 503,
      headers: {
        'x-fault-injected': 'status=503',
        'content-type': expect.stringContaining('problem+json'),
      },
      body: expect.stringContaining('ERR_FAULT_INJECTED'),
    });
    expect(await ask(url)).toMatchObject({
      status: 418,
      body: '{"tea":true}',
      headers: { 'cache-control': 'no-store' },
    });
  });

  it('of a status that is no error is an empty answer', async () => {
    const { url } = await faulty([{ fault: { status: 202 } }]);
    expect(await ask(url)).toMatchObject({ status: 202, body: '' });
  });

  it('of a delay lets the handler answer later', async () => {
    const { url, clock, parts } = await faulty([{ fault: { delayMs: 200 } }]);
    const answer = ask(url);
    await until(() => parts[0]!.stats!()['heldBack'] === 1);
    clock.advance(199);
    expect(parts[0]!.stats!()['heldBack']).toBe(1);
    clock.advance(1);
    expect(await answer).toMatchObject({
      status: 200,
      body: 'fine',
      headers: { 'x-fault-injected': 'delay=200' },
    });
    expect(clock.pending).toBe(0);
  });

  it('of a delay ends with its client', async () => {
    const { url, clock, parts } = await faulty([{ fault: { delayMs: 200 } }]);
    const controller = new AbortController();
    const answer = fetch(url, { signal: controller.signal });
    await until(() => parts[0]!.stats!()['heldBack'] === 1);
    controller.abort();
    await expect(answer).rejects.toThrow('abort');
    await until(() => parts[0]!.stats!()['heldBack'] === 0);
    expect(clock.pending).toBe(0);
  });

  it('cuts the connection before an answer', async () => {
    const { url, newest } = await faulty([{ fault: 'abort' }]);
    await expect(ask(url)).rejects.toThrow('socket hang up');
    expect(await newest(1)).toMatchObject({ aborted: true, fault: 'abort' });
  });

  it('never answers, until the tools close', async () => {
    const { url, parts } = await faulty([{ fault: 'stall' }]);
    const answer = ask(url);
    answer.catch(() => undefined);
    await until(() => parts[0]!.stats!()['heldBack'] === 1);
    await parts[0]!.close?.();
    await expect(answer).rejects.toThrow('socket hang up');
  });

  it.each<[string, FaultRule['fault']]>([
    ['stalls', 'stall'],
    ['is delayed', { delayMs: 2 ** 31 - 1 }],
  ])('that %s does not hold up the end of the service', async (_what, fault) => {
    const { url, parts, stack, clock } = await faulty([{ fault }]);
    const answer = ask(url).catch(() => undefined);
    await until(() => parts[0]!.stats!()['heldBack'] === 1);
    const report = await stack!.close();
    expect(clock.pending).toBe(0);
    expect((await answer)?.body).toBe(fault === 'stall' ? undefined : 'fine');
    expect(report.hung).toEqual([]);
  });

  it('holds back a thousand at most; what comes then passes', async () => {
    const { app, parts } = await startTools({ options: { faults: [{ fault: 'stall' }] }, routes });
    const held = Array.from({ length: 1000 }, () =>
      internalRequest(app, { url: '/', internal: false }),
    );
    const passed = await internalRequest(app, { url: '/', internal: false });
    expect(passed.res.statusCode).toBe(200);
    expect(passed.aborted).toBe(false);
    expect(parts[0]!.stats!()).toMatchObject({ heldBack: 1000, skippedTotal: 1 });
    await parts[0]!.close?.();
    expect((await Promise.all(held)).every(({ aborted }) => aborted)).toBe(true);
  });

  it('sends half of a whole answer, with the length of all of it', async () => {
    const { url } = await faulty([{ fault: 'truncate' }]);
    const { status, headers, body, complete } = await ask(`${url}/hotels/7`);
    expect({ status, complete }).toEqual({ status: 200, complete: false });
    expect(headers).toMatchObject({ 'x-fault-injected': 'truncate' });
    expect(headers['content-encoding']).toBeUndefined();
    expect(Number(headers['content-length']) >> 1).toBe(body.length);
  });

  it('sends the beginning of a stream', async () => {
    const { url } = await faulty([{ fault: 'truncate' }]);
    const { body, complete } = await ask(`${url}/stream`);
    expect({ body, complete }).toEqual({ body: 'on', complete: false });
  });

  it('is for a route, a header, or a header with a value', async () => {
    const { url } = await faulty([
      { header: 'x-tenant: acme', fault: { status: 501 } },
      { header: 'X-Canary', fault: { status: 502 } },
      { route: '/hotels/:id', fault: { status: 503 } },
    ]);
    const statuses = async (headers: Record<string, string>, path = '/') =>
      (await ask(url + path, headers)).status;
    expect(await statuses({ 'x-tenant': 'acme' })).toBe(501);
    expect(await statuses({ 'x-tenant': 'other' })).toBe(200);
    expect(await statuses({ 'x-canary': '' })).toBe(502);
    expect(await statuses({}, '/hotels/7?a=b')).toBe(503);
    expect(await statuses({})).toBe(200);
  });

  it('strikes a share of requests, the same ones in every run with the same seed', async () => {
    const runOf = async (seed: number): Promise<string> => {
      const { url } = await faulty([{ share: 0.3, seed, fault: { status: 503 } }]);
      let run = '';
      for (let at = 0; at < 40; at++) run += (await ask(url)).status === 503 ? 'x' : '.';
      await closeTools();
      return run;
    };
    const first = await runOf(7);
    expect(await runOf(7)).toBe(first);
    expect(await runOf(8)).not.toBe(first);
    expect(first).toMatch(/x/);
    expect(first).toMatch(/\./);
  });

  it('leaves protections as they are', async () => {
    const guard = defineMiddleware({
      name: 'guard',
      phase: 'protect',
      step({ res }) {
        res.status(401).send('who?');
        return HANDLED;
      },
    });
    const { url } = await faulty([{ fault: 'abort' }], { whole: [guard] });
    expect(await ask(url)).toMatchObject({ status: 401, body: 'who?' });
  });
});

describe('a fault for one request', () => {
  it('is asked for by a header, and goes before the rules', async () => {
    const { url } = await faulty([{ fault: { status: 500 } }]);
    expect(await ask(url, { 'x-fault': 'status=429' })).toMatchObject({ status: 429 });
    await expect(ask(url, { 'x-fault': 'abort' })).rejects.toThrow('socket hang up');
  });

  it('is refused where it is none', async () => {
    const { url } = await faulty([]);
    for (const text of ['explode', 'status=99', 'delay', 'abort=1', 'delay=99999999999']) {
      const { status, body } = await ask(url, { 'x-fault': text });
      expect({ status, code: JSON.parse(body).code }).toEqual({
        status: 400,
        code: 'ERR_FAULT_INVALID',
      });
    }
  });

  it('is not for strangers', async () => {
    const { url } = await faulty([]);
    expect(await ask(url, { 'x-fault': 'abort', 'x-forwarded-for': '203.0.113.9' })).toMatchObject({
      status: 200,
    });
  });
});

describe('the rules', () => {
  it('are read, replaced and cleared while the app runs, and count what they did', async () => {
    const { url, api, parts } = await faulty([{ fault: { status: 500 }, share: 0.5 }]);
    for (let at = 0; at < 10; at++) await ask(url);
    const [before] = (await api('/faults')).faults;
    expect(before).toMatchObject({ share: 0.5, matchedTotal: 10 });
    expect(before.injectedTotal).toBe(parts[0]!.stats!()['injectedTotal']);
    const put = (body: unknown) => api('/faults', { method: 'PUT', body: JSON.stringify(body) });
    expect(await put({ faults: [{ route: '/hotels/:id', fault: { status: 504 } }] })).toEqual({
      faults: [{ route: '/hotels/:id', fault: { status: 504 }, matchedTotal: 0, injectedTotal: 0 }],
    });
    expect((await ask(url)).status).toBe(200);
    expect((await ask(`${url}/hotels/7`)).status).toBe(504);
    await api('/faults', { method: 'DELETE' });
    expect((await ask(`${url}/hotels/7`)).status).toBe(200);
    for (const wrong of [
      undefined,
      {},
      { faults: [{}] },
      { faults: [{ fault: 'abort', share: 2 }] },
    ]) {
      expect(await put(wrong)).toMatchObject({ status: 400, code: 'ERR_DEVTOOLS_CALL' });
    }
  });

  it.each<[string, object]>([
    ['needs a fault', { fault: 'explode' }],
    ['needs a fault', { fault: { status: 99 } }],
    ['needs a fault', { fault: { delayMs: -1 } }],
    ['needs a fault', { fault: { delayMs: 1, status: 500 } }],
    ['has a share', { fault: 'abort', share: -1 }],
    ['has a seed', { fault: 'abort', seed: 0.5 }],
    ['has a header', { fault: 'abort', header: 'two words' }],
    ['unknown member "shore"', { fault: 'abort', shore: 1 }],
    ['must be a path pattern', { fault: 'abort', route: 'hotels' }],
  ])('are refused: %s', (message, rule) => {
    expect(() => devtools({ faults: [rule as FaultRule] })).toThrow(message);
  });
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}
