import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { defineMiddleware, exchangeOf, type Fault, FAULT_CHANNEL } from '@org/core';
import { fakeClock } from '@org/core/testing';
import { type AnswerDiff, type KeptBody, type Replay, runCommand } from '@org/devtools';
import express, { type Express } from 'express';

import { diffAnswers } from '../src/answer-diff.ts';
import { ExchangeFile } from '../src/exchange-file.ts';
import { closeTools, post, startTools, type Tools } from './tools.ts';

afterEach(closeTools);

/** An app whose code changes under it. */
function changing(): { routes: (app: Express) => void; change(): void; ran: string[] } {
  let changed = false;
  const ran: string[] = [];
  return {
    ran,
    change: () => void (changed = true),
    routes(app) {
      app.get('/steady', (req, res) => {
        ran.push(String(req.headers['x-devtools-replay'] ?? 'first'));
        const { clock } = exchangeOf(req, res);
        const now = clock.now() + ran.length;
        res.json({ id: crypto.randomUUID(), at: new Date().toISOString(), now, name: 'steady' });
      });
      app.get('/list', (_req, res) => {
        const items = [{ name: 'b', price: 1 }, { name: 'c' }];
        res.set('X-Edition', changed ? '2' : '1');
        res.json({
          items: changed ? [{ name: 'a' }, { name: 'b', price: 2 }, { name: 'c' }] : items,
        });
      });
      app.get('/mine', (req, res) => void res.send(req.headers.authorization ?? 'nobody'));
      app.post('/orders', (req, res) => {
        ran.push(JSON.stringify(req.body));
        res.status(changed ? 500 : 201).send('made');
      });
      app.post('/raw', (_req, res) => void res.send('raw'));
    },
  };
}

for (const how of ['by app.use', 'under setup'] as const) {
  describe(`a replay, ${how}`, () => {
    const whole =
      how === 'under setup'
        ? {
            whole: [
              defineMiddleware({
                name: 'body',
                phase: 'read',
                handle: express.json(),
              }),
            ],
          }
        : {};

    it('runs the request again through all of the app, body included, and tells what has changed', async () => {
      const code = changing();
      const { url, api, newest } = await startTools({ ...whole, routes: code.routes });
      await fetch(`${url}/orders`, post({ lines: [1] }, { 'idempotency-key': '"k"' }));
      await newest(1);
      code.change();
      const replay = await api('/exchanges/1/replay', { method: 'POST' });
      expect(replay.diff).toEqual({
        same: false,
        changes: [{ part: 'status', at: '', before: 201, after: 500 }],
        masked: 0,
        incomplete: false,
      });
      expect(code.ran).toEqual(['{"lines":[1]}', '{"lines":[1]}']);
      const kept = await api('/exchanges/1');
      expect(kept.status).toBe(201);
      expect(kept.replays).toEqual([replay]);
      // It is no exchange of its own.
      expect((await api('/exchanges')).exchanges).toMatchObject([{ id: '1', changes: 1 }]);
    });

    it('leaves out what changes with every answer', async () => {
      const code = changing();
      const { url, api, newest } = await startTools({ ...whole, routes: code.routes });
      await fetch(`${url}/steady`);
      await newest(1);
      expect((await api('/exchanges/1/replay', { method: 'POST' })).diff).toEqual({
        same: true,
        changes: [],
        masked: 3,
        incomplete: false,
      });
      expect(code.ran).toEqual(['first', '1']);
    });
  });
}

describe('replays', () => {
  it('of all that reads tell rows that came, values that changed, and headers', async () => {
    const code = changing();
    const { url, api, newest } = await startTools({ routes: code.routes });
    for (const path of ['/list', '/list', '/steady']) await fetch(url + path);
    await fetch(`${url}/orders`, post({}));
    await newest(4);
    code.change();
    const result = await api('/replay', { method: 'POST' });
    expect(result).toMatchObject({ replayed: 2, same: 1, changed: 1, failed: [] });
    expect(result.results[0].diff.changes).toEqual([
      { part: 'header', at: 'x-edition', before: '1', after: '2' },
      { part: 'body', at: '/items/0/name', before: 'b', after: 'a' },
      { part: 'body', at: '/items/0/price', before: 1 },
      { part: 'body', at: '/items/1', after: { name: 'b', price: 2 } },
    ]);
    expect(code.ran).toEqual(['first', '{}', '3']);
  });

  it('leave out what is no answer of the app itself, or has no end', async () => {
    let isBroken = true;
    const { url, api, newest } = await startTools({
      whole: [],
      options: { faults: [{ route: '/broken', fault: { status: 503 } }] },
      routes: (app) => {
        app.get('/broken', (_req, res) => void res.send('fine'));
        app.get('/cut', (_req, res) => {
          if (isBroken) res.destroy();
          else res.send('fine');
        });
        app.get('/events', (_req, res) => {
          res.type('text/event-stream').write('data: 1\n\n');
          if (isBroken) res.end();
        });
      },
    });
    await fetch(`${url}/broken`);
    await fetch(`${url}/cut`).catch(() => undefined);
    await (await fetch(`${url}/events`)).text();
    await newest(3);
    isBroken = false;
    expect(await api('/replay', { method: 'POST' })).toMatchObject({ replayed: 0, failed: [] });
    expect(await api('/exchanges/3/replay', { method: 'POST' })).toMatchObject({
      code: 'ERR_NOT_REPLAYABLE',
    });
  });

  it('compare neither what options leave out', async () => {
    let rank = 0;
    const { url, api, newest } = await startTools({
      options: { ignoreHeaders: ['X-Rank'], volatile: ['/items/*/rank'] },
      routes: (app) =>
        app.get('/', (_req, res) => {
          rank++;
          res.set('X-Rank', String(rank)).json({ items: [{ rank }, { rank }], rank });
        }),
    });
    await fetch(url);
    await newest(1);
    const { diff } = await api('/exchanges/1/replay', { method: 'POST' });
    expect(diff).toMatchObject({
      masked: 2,
      changes: [{ part: 'body', at: '/rank', before: 1, after: 2 }],
    });
  });

  it('send the secrets that memory has, and never show them', async () => {
    const code = changing();
    const { url, api, newest } = await startTools({ routes: code.routes });
    await fetch(`${url}/mine`, { headers: { authorization: 'Bearer tokens-of-ada' } });
    await newest(1);
    const replay = await api('/exchanges/1/replay', { method: 'POST' });
    expect(replay.diff.same).toBe(true);
    expect(replay.answer.body.text).toBe('[redacted]');
    expect(JSON.stringify(replay)).not.toContain('tokens-of-ada');
  });

  it('are refused where the body is not known, or the exchange is not', async () => {
    const { url, api, newest } = await startTools({ whole: [], routes: changing().routes });
    await fetch(`${url}/raw`, post({ a: 1 }));
    await newest(1);
    expect(await api('/exchanges/1/replay', { method: 'POST' })).toMatchObject({
      status: 409,
      code: 'ERR_NOT_REPLAYABLE',
    });
    expect(await api('/exchanges/9/replay', { method: 'POST' })).toMatchObject({ status: 404 });
    expect(await api('/replay', post({ headers: { a: 1 } }))).toMatchObject({
      code: 'ERR_DEVTOOLS_CALL',
    });
    expect(await api('/replay', { method: 'POST', body: '{' })).toMatchObject({ status: 400 });
  });

  it('end when their time is over', async () => {
    let isSlow = false;
    let arrived: () => void = () => undefined;
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    const { url, api, newest, clock } = await startTools({
      whole: [],
      options: { replayTimeoutMs: 500 },
      routes: (app) =>
        app.get('/', (_req, res) => {
          if (isSlow) arrived();
          else res.send('fast');
        }),
    });
    await fetch(url);
    await newest(1);
    isSlow = true;
    const replay = api('/exchanges/1/replay', { method: 'POST' });
    await arrival;
    clock.advance(500);
    expect(await replay).toMatchObject({
      code: 'ERR_NOT_REPLAYABLE',
      detail: expect.stringContaining('500 ms'),
    });
  });

  it('are cut off when the tools close', async () => {
    let isSlow = false;
    let arrived: () => void = () => undefined;
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    const { url, api, newest, parts } = await startTools({
      whole: [],
      routes: (app) =>
        app.get('/', (_req, res) => {
          if (isSlow) arrived();
          else res.send('fast');
        }),
    });
    await fetch(url);
    await newest(1);
    isSlow = true;
    const replay = api('/exchanges/1/replay', { method: 'POST' });
    await arrival;
    await parts[0]!.close?.();
    expect(await replay).toMatchObject({
      code: 'ERR_NOT_REPLAYABLE',
      detail: expect.stringContaining('cut off'),
    });
  });

  it('are cut off when the service begins to end, and change nothing of what is kept', async () => {
    let isSlow = false;
    let arrived: () => void = () => undefined;
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    const path = join(tmpdir(), `devtools-test-${randomUUID()}.json`);
    const { url, api, newest, stack } = await startTools({
      whole: [],
      options: { persist: path },
      routes: (app) =>
        app.get('/', (_req, res) => {
          if (isSlow) arrived();
          else res.send('fast');
        }),
    });
    await fetch(url);
    await newest(1);
    isSlow = true;
    const replays = api('/replay', { method: 'POST' });
    await arrival;
    const closed = stack!.close();
    expect(await replays).toMatchObject({ replayed: 0, failed: [{ id: '1' }] });
    await closed;
    const [kept] = JSON.parse(readFileSync(path, 'utf8')).exchanges;
    rmSync(path);
    expect(kept).toMatchObject({ id: '1', replays: [] });
  });

  it.each([false, true])('send a form as its parser reads it, extended: %s', async (extended) => {
    const read: unknown[] = [];
    const { url, api, newest } = await startTools({
      whole: [
        defineMiddleware({ name: 'body', phase: 'read', handle: express.urlencoded({ extended }) }),
      ],
      routes: (app) =>
        app.post('/', (req, res) => {
          read.push(req.body);
          res.end();
        }),
    });
    const body = new URLSearchParams(
      'tag=a&tag=b&one[]=c&d[e][f]=g&d[e][h][]=i&d[e][h][]=j&k=&l=%26',
    );
    await fetch(url, { method: 'POST', body });
    await newest(1);
    await api('/exchanges/1/replay', { method: 'POST' });
    expect(read[0]).toMatchObject({ tag: ['a', 'b'], l: '&' });
    expect(read[1]).toEqual(read[0]);
  });

  it('bear an idempotency key of their own, and three of one exchange are kept', async () => {
    const keys: unknown[] = [];
    const { url, api, newest } = await startTools({
      options: { faults: [{ header: 'x-devtools-replay', fault: { status: 500 } }] },
      routes: (app) =>
        app.post('/', ({ headers }, res) => {
          keys.push(headers['idempotency-key']);
          res.json({ run: keys.length });
        }),
    });
    await fetch(url, post({}, { 'idempotency-key': '"k"' }));
    await newest(1);
    for (let run = 0; run < 4; run++) await api('/exchanges/1/replay', { method: 'POST' });
    expect(new Set(keys).size).toBe(5);
    for (const key of keys.slice(1)) expect(key).toMatch(/^"[\da-f-]{36}"$/);
    const { replays } = await api('/exchanges/1');
    expect(replays.map((one: Replay) => one.diff.changes[0]?.after)).toEqual([5, 4, 3]);
  });

  it('send a body as its parser read it, and not as it was coded', async () => {
    const code = changing();
    const { url, api, newest } = await startTools({ routes: code.routes });
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    await fetch(`${url}/orders`, { method: 'POST', headers, body: gzipSync('{"a":1}') });
    await newest(1);
    expect((await api('/exchanges/1/replay', { method: 'POST' })).diff.same).toBe(true);
    expect(code.ran).toEqual(['{"a":1}', '{"a":1}']);
  });
});

describe('the difference of two bodies', () => {
  const diff = (one: Partial<KeptBody>, other: Partial<KeptBody>): AnswerDiff => {
    const [before, after] = [one, other].map((body) => ({
      at: Date.UTC(2026, 0, 1),
      answer: {
        status: 200,
        headers: {},
        aborted: false,
        body: {
          mediaType: 'text/plain',
          text: '',
          encoding: 'text',
          bytes: 9,
          truncated: false,
          redacted: false,
          ...body,
        } satisfies KeptBody,
      },
    }));
    return diffAnswers(before!, after!, { ignoreHeaders: new Set(), volatile: [] });
  };
  const lines = (name: string, count: number): string =>
    Array.from({ length: count }, (_, at) => `${name}${at}`).join('\n');

  it('is told by line, without what is of the moment', () => {
    const moment = (id: number): string => `at 2026-01-0${id}T00:00:00Z`;
    expect(
      diff({ text: `${moment(1)}\na\nb\nc\nd` }, { text: `${moment(2)}\na\nB\nd\ne` }),
    ).toEqual({
      same: false,
      changes: [
        { part: 'body', at: 'line 3', before: 'b' },
        { part: 'body', at: 'line 4', before: 'c' },
        { part: 'body', at: 'line 3', after: 'B' },
        { part: 'body', at: 'line 5', after: 'e' },
      ],
      masked: 1,
      incomplete: false,
    });
  });

  it('is told as one block where there are many lines, and up to a hundred changes', () => {
    const [few, many] = [diff, diff].map((one, at) =>
      one({ text: lines('a', at === 0 ? 50 : 501) }, { text: lines('b', 50) }),
    );
    expect(few).toMatchObject({ incomplete: false, changes: { length: 100 } });
    expect(many).toMatchObject({ incomplete: true, changes: { length: 100 } });
    const common = `${lines('b', 2)}\n${lines('a', 501)}\n${lines('c', 2)}`;
    const blocks = diff({ text: `x\n${lines('a', 501)}\ny` }, { text: common });
    expect(blocks.changes[1]).toEqual({ part: 'body', at: 'line 2', before: 'a0' });
  });

  it('is told by pointer up to a hundred changes, and by length where it is no text', () => {
    const json = (value: number): Partial<KeptBody> => ({
      mediaType: 'application/json',
      text: JSON.stringify(Array.from({ length: 101 }, () => ({ 'a/~': value }))),
    });
    const { changes, incomplete } = diff(json(1), json(2));
    expect({ length: changes.length, incomplete }).toEqual({ length: 100, incomplete: true });
    expect(changes[99]).toEqual({ part: 'body', at: '/99/a~1~0', before: 1, after: 2 });
    expect(diff({ encoding: 'base64', text: 'AA==' }, { text: 'x' }).changes).toEqual([
      { part: 'body', at: '', before: '9 bytes of text/plain', after: '9 bytes of text/plain' },
    ]);
    expect(diff({ text: 'same', truncated: true }, { text: 'same' })).toMatchObject({
      same: true,
      incomplete: true,
    });
  });
});

describe('exchanges that outlive the process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'devtools-test-'));
  const file = join(folder, 'kept', 'exchanges.json');
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = async (tools: Tools, ...args: string[]) => {
    const out: string[] = [];
    const code = await runCommand({
      args: ['replay', tools.url, ...args],
      env: {},
      out: (text) => void out.push(text),
      error: (text) => void out.push(text),
    });
    return { code, out: out.join('\n') };
  };

  it('are replayed by the next one: what a change of code has changed is one command', async () => {
    const code = changing();
    const first = await startTools({ options: { persist: file }, routes: code.routes });
    await fetch(`${first.url}/list`);
    await fetch(`${first.url}/steady`);
    await fetch(`${first.url}/mine`, { headers: { authorization: 'Bearer tokens-of-ada' } });
    await first.newest(3);
    await closeTools();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'kept')).mode & 0o777).toBe(0o700);
    expect(readFileSync(file, 'utf8')).not.toContain('tokens-of-ada');

    const second = await startTools({ options: { persist: file }, routes: code.routes });
    // No request has shown the application yet but the command's own.
    const same = await run(second, '--header', 'authorization: Bearer tokens-of-ada');
    expect(same).toEqual({ code: 0, out: '3 replayed: 3 same, 0 changed.' });
    code.change();
    const { code: exit, out } = await run(second);
    expect(exit).toBe(1);
    expect(out).toBe(
      [
        'GET /mine',
        '  line 1  "[redacted]" → nothing',
        '  line 1  nothing → "nobody"',
        'GET /list',
        '  header x-edition  "1" → "2"',
        '  /items/0/name  "b" → "a"',
        '  /items/0/price  1 → nothing',
        '  /items/1  nothing → {"name":"b","price":2}',
        'Not kept, and not sent: authorization. Give them by --header.',
        '3 replayed: 1 same, 2 changed.',
      ].join('\n'),
    );
    const json = await run(second, '--json');
    expect(JSON.parse(json.out)).toMatchObject({ replayed: 3, changed: 2 });
    await fetch(`${second.url}/steady`);
    expect((await second.newest(1)).id).toBe('4');
  });

  it('are written a little later, and at the end', async () => {
    const path = join(folder, 'later.json');
    const { url, newest, clock } = await startTools({
      options: { persist: path },
      routes: changing().routes,
    });
    await fetch(`${url}/steady`);
    await newest(1);
    expect(() => statSync(path)).toThrow('ENOENT');
    clock.advance(250);
    expect(JSON.parse(readFileSync(path, 'utf8')).exchanges).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('are written the later the longer that takes', () => {
    const clock = fakeClock();
    const path = join(folder, 'long.json');
    const kept = new ExchangeFile(path, 1000, clock, () => {
      clock.advance(100);
      return [];
    });
    kept.touch();
    kept.close();
    rmSync(path);
    kept.touch();
    clock.advance(999);
    expect(() => statSync(path)).toThrow('ENOENT');
    clock.advance(1);
    expect(statSync(path).isFile()).toBe(true);
  });

  it.each([
    ['no JSON', '{'],
    ['another form', '{"form":0,"exchanges":[{}]}'],
    ['records that are none', '{"form":1,"exchanges":[{"id":"x"},null]}'],
  ])('are not read from a file with %s', async (_what, text) => {
    const faults = await faultsOf(async () => {
      const path = join(folder, 'strange.json');
      writeFileSync(path, text, { mode: 0o600 });
      const { api } = await startTools({ options: { persist: path }, routes: () => undefined });
      expect((await api('/exchanges')).exchanges).toEqual([]);
    });
    expect(faults).toEqual(text === '{' ? ['devtools file'] : []);
  });

  it('are not read through a link', async () => {
    const path = join(folder, 'link.json');
    symlinkSync(file, path);
    const faults = await faultsOf(async () => {
      const { api } = await startTools({ options: { persist: path }, routes: () => undefined });
      expect((await api('/exchanges')).exchanges).toEqual([]);
    });
    expect(faults).toEqual(['devtools file']);
  });

  it('and the command ends with 2 where it is called wrongly, or cannot reach the app', async () => {
    const call = async (...args: string[]) => {
      const told: string[] = [];
      const code = await runCommand({
        args,
        env: {},
        out: (text) => void told.push(text),
        error: (text) => void told.push(text),
      });
      return { code, told: told.join('\n') };
    };
    expect(await call('--help')).toMatchObject({ code: 0, told: expect.stringMatching(/^Usage/) });
    for (const args of [
      [],
      ['replay'],
      ['replay', 'x'],
      ['replay', 'http://x', '--header', 'none'],
    ]) {
      expect((await call(...args)).code).toBe(2);
    }
    expect(await call('replay', 'http://127.0.0.1:9')).toMatchObject({
      code: 2,
      told: expect.stringContaining('cannot be reached'),
    });
    const { url, served } = await startTools({ routes: () => undefined });
    expect(await call('replay', url, '--path', '/nowhere')).toMatchObject({ code: 2 });
    await served.close();
  });
});

async function faultsOf(work: () => Promise<void>): Promise<string[]> {
  const seen: string[] = [];
  const hear = (message: unknown): void => void seen.push((message as Fault).where);
  subscribe(FAULT_CHANNEL, hear);
  try {
    await work();
  } finally {
    unsubscribe(FAULT_CHANNEL, hear);
  }
  return seen;
}
