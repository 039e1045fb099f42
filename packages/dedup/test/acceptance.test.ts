/** What the package is for, at the size at which it has to hold. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import express, { type Request, type Response } from 'express';
import { internalRequest, memoryStore } from '@org/core';
import { type FakeClock, fakeClock, serve } from '@org/core/testing';
import { type Idempotency, idempotency, type RecordStore } from '@org/dedup';
import { send } from './clients.ts';
import type { StoreCall } from './lease-server.ts';

const DUPLICATES = 50;

/** What a handler behind keys does: it counts for each key, and takes its time. */
function counting(inFlight: 'wait' | 'refuse'): {
  keys: Idempotency;
  runs: Map<string, number>;
  handle: (req: IncomingMessage, res: ServerResponse) => void;
} {
  const runs = new Map<string, number>();
  return {
    keys: idempotency({ inFlight }),
    runs,
    handle(req, res) {
      const key = String(req.headers['idempotency-key']);
      runs.set(key, (runs.get(key) ?? 0) + 1);
      setImmediate(() => {
        res.statusCode = 201;
        res.end(key);
      });
    },
  };
}

test(`${DUPLICATES} concurrent duplicates of each of 1,000 keys run once each, and all are answered`, async () => {
  const { keys, runs, handle } = counting('wait');
  const errors: unknown[] = [];
  /** Without Express and a parser, which are not what is asked about fifty thousand times. */
  const listener = (req: IncomingMessage, res: ServerResponse): void => {
    Object.assign(req, { originalUrl: req.url, body: { amount: 1 } });
    keys(req as Request, res as Response, (error?: unknown) => {
      if (error !== undefined) errors.push(error);
      handle(req, res);
    });
  };
  const statuses = new Map<number, number>();
  // Twenty keys at a time: a thousand requests in flight.
  for (let from = 0; from < 1000; from += 20) {
    const batch = Array.from({ length: 20 * DUPLICATES }, async (_, at) => {
      const headers = { 'idempotency-key': `key-${from + (at % 20)}` };
      const { res } = await internalRequest(listener, { method: 'POST', url: '/', headers });
      statuses.set(res.statusCode, (statuses.get(res.statusCode) ?? 0) + 1);
    });
    // oxlint-disable-next-line no-await-in-loop -- bounds what is in flight
    await Promise.all(batch);
  }
  expect(errors).toEqual([]);
  expect([...statuses]).toEqual([[201, 1000 * DUPLICATES]]);
  expect(runs.size).toBe(1000);
  expect([...runs.values()].every((count) => count === 1)).toBe(true);
  expect(keys.stats?.()).toMatchObject({
    claimedTotal: 1000,
    replayedTotal: 1000 * 49,
    waiting: 0,
  });
  await keys.close?.();
});

test.each(['wait', 'refuse'] as const)(
  `${DUPLICATES} duplicates of each of 40 keys through sockets run once each (%s)`,
  async (inFlight) => {
    const { keys, runs, handle } = counting(inFlight);
    const app = express();
    app.use(express.json(), keys);
    app.post('/', handle);
    const { port, close } = await serve(app);
    const agent = new Agent({ keepAlive: true, maxSockets: DUPLICATES });
    const post = async (key: string): Promise<number> => {
      const sent = request({
        port,
        host: '127.0.0.1',
        agent,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
      }).end('{"amount":1}');
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      await answer.resume().toArray();
      return answer.statusCode!;
    };
    const all = Array.from({ length: 40 * DUPLICATES }, (_, at) =>
      post(`key-${Math.floor(at / DUPLICATES)}`),
    );
    const others = (await Promise.all(all)).filter((status) => status !== 201);
    // Without an error handler of its own, Express answers with the status of the problem.
    const allowed = inFlight === 'wait' ? [] : [409];
    expect(others.filter((status) => !allowed.includes(status))).toEqual([]);
    expect([...runs.values()]).toEqual(Array.from({ length: 40 }, () => 1));
    agent.destroy();
    await close();
    await keys.close?.();
  },
);

describe('a process that is killed while it works under a lease', () => {
  let clock: FakeClock;
  let store: RecordStore;
  let booked: string[];
  const children = new Set<ChildProcess>();
  beforeEach(() => {
    clock = fakeClock();
    store = memoryStore({ clock });
    booked = [];
  });
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
  });

  const wire = (value: unknown): unknown =>
    value instanceof Uint8Array ? { bytes: Buffer.from(value).toString('base64') } : value;
  const unwire = (value: unknown): unknown =>
    typeof value === 'object' && value !== null
      ? Buffer.from((value as { bytes: string }).bytes, 'base64')
      : (value ?? undefined);

  async function launch(): Promise<{
    url: string;
    child: ChildProcess;
    stopped: Promise<unknown>;
  }> {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--conditions=@org/source', join(__dirname, 'lease-server.ts')],
      { cwd: join(__dirname, '../../..'), stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    );
    children.add(child);
    let stop: (key: unknown) => void;
    const stopped = new Promise((resolve) => (stop = resolve));
    const port = await new Promise<number>((resolve) => {
      child.on(
        'message',
        (message: Partial<StoreCall> & { port?: number; booked?: string; stopped?: string }) => {
          if (message.port !== undefined) resolve(message.port);
          if (message.booked !== undefined) booked.push(message.booked);
          if (message.stopped !== undefined) stop(message.stopped);
          if (message.call === undefined) return;
          const call = store[message.name!] as (...given: unknown[]) => unknown;
          const value = wire(call(...message.given!.map(unwire)) ?? null);
          child.send({ call: message.call, value }, () => undefined);
        },
      );
    });
    return { url: `http://127.0.0.1:${port}/book`, child, stopped };
  }

  async function kill(child: ChildProcess): Promise<void> {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    children.delete(child);
  }

  it.each(['before', 'after'])(
    'leaves its key indeterminate (killed %s the effect): nothing is doubled, and it can be resolved',
    async (step) => {
      const first = await launch();
      const cut = send(first.url, 'k', {}, { headers: { 'x-stop-at': step } }).catch(() => 'cut');
      await first.stopped;
      const second = await launch();
      expect((await send(second.url, 'k', {})).code).toBe('ERR_IDEMPOTENCY_IN_FLIGHT');
      await kill(first.child);
      expect(await cut).toBe('cut');
      // The store's time alone decides: the lease is one second.
      clock.advance(1001);
      const lost = await send(second.url, 'k', {});
      expect([lost.status, lost.code]).toEqual([409, 'ERR_IDEMPOTENCY_INDETERMINATE']);
      const effects = step === 'after' ? ['k'] : [];
      expect(booked).toEqual(effects);
      // Somebody has looked, and says how it goes on.
      const operator = idempotency({ store, clock });
      const { record } = JSON.parse(lost.text) as { record: string };
      const resolution = step === 'after' ? { status: 201, body: { key: 'k' } } : 'retry';
      expect(await operator.resolve(record, resolution)).toBe(true);
      const again = await send(second.url, 'k', {});
      expect([again.status, again.text]).toEqual([201, '{"key":"k"}']);
      expect(booked).toEqual(['k']);
      await operator.close?.();
      await kill(second.child);
    },
  );
});
