import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import {
  abandon,
  type CallOptions,
  type ClaimStore,
  exchangeOf,
  type KeyValueStore,
  memoryStore,
  storeTimeout,
  storeUnavailable,
} from '@org/core';
import { type FakeClock, fakeClock } from '@org/core/testing';
import { IDEMPOTENCY_CHANNEL, type IdempotencyEvent, type IdempotencyOptions } from '@org/dedup';
import { Gate, send, sendByHand, until } from './clients.ts';
import { closeAll, type KeyedService, serveKeyed } from './keyed-service.ts';

let clock: FakeClock;
const started: (() => unknown)[] = [];
beforeEach(() => {
  clock = fakeClock();
});
afterEach(() => closeAll(started));

type Rest = Parameters<typeof serveKeyed> extends [unknown, unknown, ...infer R] ? R : never;
const start = (...rest: Rest): Promise<KeyedService> => serveKeyed(clock, started, ...rest);

describe('a client that goes away', () => {
  const request =
    'POST / HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"amount":1}';

  it('finds the answer when it comes back: the handler had gone on', async () => {
    const gate = new Gate();
    const { url, port, runs, keys } = await start({}, async (res, run) => {
      await gate.opened;
      res.status(201).json({ run });
    });
    const { cut } = sendByHand(port, request);
    await until(() => runs() === 1);
    await cut();
    expect((await send(url, 'k')).status).toBe(409);
    gate.let();
    await until(() => keys.stats?.()['finishedTotal'] === 1);
    const again = await send(url, 'k');
    expect([again.status, again.text]).toEqual([201, '{"run":1}']);
    expect(runs()).toBe(1);
  });

  it('has its key free again when the handler fails after it went', async () => {
    const gate = new Gate();
    const { url, port, runs, keys } = await start({}, async (res, run) => {
      await gate.opened;
      if (run === 1) res.status(500).end();
      else res.json({ run });
    });
    const { cut } = sendByHand(port, request);
    await until(() => runs() === 1);
    await cut();
    gate.let();
    await until(() => keys.stats?.()['releasedTotal'] === 1);
    expect((await send(url, 'k')).text).toBe('{"run":2}');
  });

  it('does not know the end of an answer that was cut off, until its handler ends it', async () => {
    const gate = new Gate();
    const { url, port, runs, keys } = await start({}, async (res) => {
      res.status(201).write('half ');
      await gate.opened;
      res.end('whole');
    });
    const { cut } = sendByHand(port, request);
    await until(() => runs() === 1);
    await cut();
    await until(() => keys.stats?.()['lostTotal'] === 1);
    expect((await send(url, 'k')).code).toBe('ERR_IDEMPOTENCY_INDETERMINATE');
    gate.let();
    await until(() => keys.stats?.()['finishedTotal'] === 1);
    expect((await send(url, 'k')).code).toBe('ERR_IDEMPOTENCY_NOT_REPLAYABLE');
    expect(runs()).toBe(1);
  });

  it('does not know the end of work that stopped because it went', async () => {
    const { url, port, runs, keys } = await start({}, async (res) => {
      await once(res, 'close');
      res.status(499).end();
    });
    const { cut } = sendByHand(port, request);
    await until(() => runs() === 1);
    await cut();
    await until(() => keys.stats?.()['lostTotal'] === 1);
    expect((await send(url, 'k')).code).toBe('ERR_IDEMPOTENCY_INDETERMINATE');
    expect(keys.stats?.()['running']).toBe(0);
  });

  it('is not waited for longer than maxRunMs where the handler never ends', async () => {
    const { url, port, runs, keys } = await start({ maxRunMs: 5000 }, () => undefined);
    const { cut } = sendByHand(port, request);
    await until(() => runs() === 1);
    await cut();
    clock.advance(5000);
    expect((await send(url, 'k')).code).toBe('ERR_IDEMPOTENCY_IN_FLIGHT');
    clock.advance(500);
    expect((await send(url, 'k')).code).toBe('ERR_IDEMPOTENCY_INDETERMINATE');
    expect(keys.stats?.()['running']).toBe(0);
  });
});

describe('an owner that is lost', () => {
  /** Two instances over one store, as two processes have it; the first is made to stop its heart. */
  async function two(options: Partial<IdempotencyOptions> = {}): Promise<{
    first: KeyedService;
    second: KeyedService;
    gate: Gate;
  }> {
    const store = memoryStore({ clock });
    const gate = new Gate();
    // In the end nobody waits for it.
    started.push(() => gate.let());
    const first = await start({ store, ...options }, async (res, run) => {
      await gate.opened;
      res.json({ first: run });
    });
    const second = await start({ store, ...options }, (res, run) => res.json({ second: run }));
    return { first, second, gate };
  }

  it('keeps its key in flight while its heart beats, and leaves it indeterminate after', async () => {
    const { first, second, gate } = await two();
    const running = send(first.url, 'k').catch(() => undefined);
    await until(() => first.runs() === 1);
    clock.advance(10_000);
    expect((await send(second.url, 'k')).code).toBe('ERR_IDEMPOTENCY_IN_FLIGHT');
    await first.keys.close?.();
    clock.advance(1001);
    const lost = await send(second.url, 'k');
    expect([lost.status, lost.code]).toEqual([409, 'ERR_IDEMPOTENCY_INDETERMINATE']);
    expect((await send(second.url, 'k', { amount: 2 })).status).toBe(422);
    expect(second.runs()).toBe(0);
    gate.let();
    await running;
  });

  it('may finish late as long as nobody has taken its place', async () => {
    const { first, second, gate } = await two();
    const running = send(first.url, 'k');
    await until(() => first.runs() === 1);
    await first.keys.close?.();
    clock.advance(1001);
    expect((await send(second.url, 'k')).code).toBe('ERR_IDEMPOTENCY_INDETERMINATE');
    gate.let();
    expect((await running).text).toBe('{"first":1}');
    expect((await send(second.url, 'k')).text).toBe('{"first":1}');
  });

  it('is resolved by an operator: run it again, or answer this; the late original cannot undo it', async () => {
    const { first, second, gate } = await two();
    const running = send(first.url, 'k');
    await until(() => first.runs() === 1);
    await first.keys.close?.();
    const { keys } = second;
    const record = 'no such record';
    expect(await keys.resolve(record, 'retry')).toBe(false);
    clock.advance(1001);
    const lost = await send(second.url, 'k');
    const { record: id } = JSON.parse(lost.text) as { record: string };
    expect(await keys.inspect(id)).toBe('indeterminate');
    expect(await keys.resolve(id, 'retry')).toBe(true);
    expect(await keys.inspect(id)).toBeUndefined();
    expect((await send(second.url, 'k')).text).toBe('{"second":1}');
    expect(await keys.resolve(id, 'retry')).toBe(false);
    gate.let();
    await running;
    expect(first.keys.stats?.()).toMatchObject({ overtakenTotal: 1, finishedTotal: 0 });
    expect((await send(second.url, 'k')).text).toBe('{"second":1}');
  });

  it('is resolved with an answer, which is given to whoever comes', async () => {
    const { first, second, gate } = await two();
    const running = send(first.url, 'k').catch(() => undefined);
    await until(() => first.runs() === 1);
    await first.keys.close?.();
    clock.advance(1001);
    const lost = await send(second.url, 'k');
    const { record } = JSON.parse(lost.text) as { record: string };
    await second.keys.resolve(record, {
      status: 201,
      headers: { Location: '/1' },
      body: { id: 1 },
    });
    const again = await send(second.url, 'k');
    expect([again.status, again.text, again.headers.get('location')]).toEqual([
      201,
      '{"id":1}',
      '/1',
    ]);
    expect(again.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect((await send(second.url, 'k', { amount: 2 })).status).toBe(422);
    gate.let();
    await running;
  });

  it('is followed by exactly one of those who try again, where the policy says so', async () => {
    const { first, second, gate } = await two({ onOwnerLost: 'retry', inFlight: 'wait' });
    const running = send(first.url, 'k');
    await until(() => first.runs() === 1);
    await first.keys.close?.();
    clock.advance(1001);
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(second.url, 'k')));
    expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(['{"second":1}']));
    expect(second.keys.stats?.()).toMatchObject({ retakenTotal: 1, claimedTotal: 0 });
    gate.let();
    await running;
    expect(first.keys.stats?.()['overtakenTotal']).toBe(1);
    expect((await send(second.url, 'k')).text).toBe('{"second":1}');
  });

  it('is noticed by those who wait in another process, and so is its answer', async () => {
    const { first, second, gate } = await two({ inFlight: 'wait' });
    const running = send(first.url, 'k');
    await until(() => first.runs() === 1);
    const waiting = Array.from({ length: 3 }, () => send(second.url, 'k'));
    await until(() => second.keys.stats?.()['waiting'] === 3);
    gate.let();
    await running;
    await until(() => first.keys.stats?.()['finishedTotal'] === 1);
    clock.advance(200);
    for (const { text } of await Promise.all(waiting)) expect(text).toBe('{"first":1}');
    expect(second.runs()).toBe(0);
  });
});

describe('a store that fails', () => {
  type Part = KeyValueStore & ClaimStore;

  /** A memory store that answers later, or not at all. */
  function flaky(): Part & { down: boolean; after: boolean; calls: number } {
    const store = memoryStore({ clock });
    const self = {
      down: false,
      /** Fails after it has done what it was asked. */
      after: false,
      calls: 0,
      get: (key: string) => call('get', () => store.get(key)),
      set: (key: string, value: Uint8Array, ttlMs: number) =>
        call('set', () => store.set(key, value, ttlMs)),
      delete: (key: string) => call('delete', () => store.delete(key)),
      claim: (key: string, value: Uint8Array, ttlMs: number) =>
        call('claim', () => store.claim(key, value, ttlMs)),
      compareAndSet: (
        key: string,
        expected: Uint8Array,
        next: Uint8Array | undefined,
        ttlMs: number,
      ) => call('compareAndSet', () => store.compareAndSet(key, expected, next, ttlMs)),
    };
    async function call<T>(name: string, run: () => T): Promise<Awaited<T>> {
      self.calls++;
      if (self.down) throw storeUnavailable(name);
      const result = await run();
      if (self.after && name !== 'set') throw storeTimeout(name, 1);
      return result;
    }
    return self;
  }

  let faults: unknown[] = [];
  const hear = (fault: unknown): void => void faults.push(fault);
  beforeEach(() => {
    faults = [];
    subscribe('@org/fault', hear);
  });
  afterEach(() => {
    unsubscribe('@org/fault', hear);
  });

  it('has nothing run (503 with Retry-After), and is left alone for a while', async () => {
    const store = flaky();
    const { url, runs, keys } = await start({ store });
    store.down = true;
    for (let at = 0; at < 10; at++) {
      const refused = await send(url, `k${at}`);
      expect([refused.status, refused.code]).toEqual([503, 'ERR_STORE_UNAVAILABLE']);
      expect(refused.headers.get('retry-after')).toBe('1');
    }
    expect(store.calls).toBe(3);
    expect(faults).toHaveLength(1);
    expect(runs()).toBe(0);
    expect(keys.health?.(AbortSignal.abort())).toMatchObject({ status: 'warn' });
    // Without a key nobody asks it.
    expect((await send(url, undefined)).status).toBe(201);
    store.down = false;
    clock.advance(1000);
    expect((await send(url, 'k0')).status).toBe(201);
    expect(keys.health?.(AbortSignal.abort())).toEqual({ status: 'pass' });
  });

  it.each([
    [{}, 90],
    [{ storeTimeoutMs: 2000 }, 2000],
  ])('is given its time for each call (%j)', async (options, expected) => {
    const store = memoryStore({ clock });
    const limits = new Set<number | undefined>();
    const heard = <A extends unknown[], R>(run: (...args: A) => R, at: number) =>
      ((...args: A) => {
        limits.add((args[at] as CallOptions | undefined)?.timeoutMs);
        return run(...args);
      }) as typeof run;
    const { url } = await start({
      ...options,
      store: {
        ...store,
        get: heard(store.get, 1),
        set: heard(store.set, 3),
        claim: heard(store.claim, 3),
        compareAndSet: heard(store.compareAndSet, 4),
      },
    });
    for (let at = 0; at < 2; at++) expect((await send(url, 'k')).status).toBe(201);
    expect([...limits]).toEqual([expected]);
  });

  it('is reported once while it comes and goes, and anew after a while without a failure', async () => {
    const store = flaky();
    const { url } = await start({ store });
    for (let at = 0; at < 5; at++) {
      store.down = true;
      expect((await send(url, `refused-${at}`)).status).toBe(503);
      store.down = false;
      expect((await send(url, `runs-${at}`)).status).toBe(201);
    }
    expect(faults).toHaveLength(1);
    clock.advance(10_001);
    store.down = true;
    expect((await send(url, 'later')).status).toBe(503);
    expect(faults).toHaveLength(2);
  });

  it('does not cost the client its answer, and is told of it later', async () => {
    const store = flaky();
    const gate = new Gate();
    const { url, runs, keys } = await start({ store }, async (res, run) => {
      await gate.opened;
      res.json({ run });
    });
    const first = send(url, 'k');
    await until(() => runs() === 1);
    store.down = true;
    gate.let();
    expect((await first).text).toBe('{"run":1}');
    await until(() => faults.length === 1);
    store.down = false;
    clock.advance(1000);
    await until(() => keys.stats?.()['running'] === 0);
    expect((await send(url, 'k')).text).toBe('{"run":1}');
    expect(runs()).toBe(1);
  });

  it('frees a key whose claim got there although it seemed to fail', async () => {
    const store = flaky();
    const { url, runs } = await start({ store });
    store.after = true;
    expect((await send(url, 'k')).code).toBe('ERR_STORE_TIMEOUT');
    store.after = false;
    expect((await send(url, 'k')).code).toBe('ERR_IDEMPOTENCY_IN_FLIGHT');
    const calls = store.calls;
    clock.advance(250);
    await until(() => store.calls >= calls + 2);
    expect((await send(url, 'k')).text).toBe('{"run":1}');
    expect(runs()).toBe(1);
  });

  it('frees a key that was retaken although that seemed to fail', async () => {
    const store = flaky();
    const options = { store, onOwnerLost: 'retry' } as const;
    const gate = new Gate();
    const first = await start(options, async (res) => {
      await gate.opened;
      res.end();
    });
    const second = await start(options);
    const running = send(first.url, 'k').catch(() => undefined);
    await until(() => first.runs() === 1);
    await first.keys.close?.();
    clock.advance(1001);
    const { compareAndSet } = store;
    store.compareAndSet = async (...args) => {
      await compareAndSet(...args);
      throw storeTimeout('compareAndSet', 1);
    };
    expect((await send(second.url, 'k')).code).toBe('ERR_STORE_TIMEOUT');
    store.compareAndSet = compareAndSet;
    expect((await send(second.url, 'k')).code).toBe('ERR_IDEMPOTENCY_IN_FLIGHT');
    const calls = store.calls;
    clock.advance(250);
    await until(() => store.calls >= calls + 2);
    expect((await send(second.url, 'k')).text).toBe('{"run":1}');
    gate.let();
    await running;
  });

  it('knows an answer that got there although it seemed to fail', async () => {
    const store = flaky();
    const gate = new Gate();
    const { url, runs, keys } = await start({ store }, async (res, run) => {
      await gate.opened;
      res.json({ run });
    });
    const first = send(url, 'k');
    await until(() => runs() === 1);
    store.after = true;
    gate.let();
    await first;
    await until(() => faults.length === 1);
    store.after = false;
    clock.advance(250);
    await until(() => keys.stats?.()['running'] === 0);
    expect(keys.stats?.()['overtakenTotal']).toBe(0);
    expect((await send(url, 'k')).text).toBe('{"run":1}');
  });

  it('that holds what is no record has nothing run', async () => {
    const store = memoryStore({ clock });
    const { url, runs } = await start({
      store: { ...store, claim: () => Buffer.from('somebody else') },
    });
    expect((await send(url, 'k')).status).toBe(503);
    expect(runs()).toBe(0);
  });

  it('is not asked after close: requests with a key are refused, others pass', async () => {
    const { url, runs, keys } = await start();
    await keys.close?.();
    expect((await send(url, 'k')).status).toBe(503);
    expect((await send(url, undefined)).status).toBe(201);
    expect(runs()).toBe(1);
    expect(clock.pending).toBe(0);
  });
});

describe('what happens', () => {
  it('is told to the hook and on the channel, and counted; a hook that throws changes nothing', async () => {
    const heard: string[] = [];
    const listen = (event: unknown): void =>
      void heard.push(`channel ${(event as IdempotencyEvent).type}`);
    const faults: unknown[] = [];
    const hear = (fault: unknown): void => void faults.push(fault);
    subscribe(IDEMPOTENCY_CHANNEL, listen);
    subscribe('@org/fault', hear);
    const { url, keys } = await start({
      onEvent: ({ type, record }) => {
        heard.push(`hook ${type}`);
        expect(record).toMatch(/^[\w-]{43}$/);
        throw new Error('deliberate');
      },
    });
    await send(url, 'k');
    await send(url, 'k');
    await send(url, 'k', { amount: 2 });
    unsubscribe(IDEMPOTENCY_CHANNEL, listen);
    unsubscribe('@org/fault', hear);
    expect(heard.filter((one) => one.startsWith('hook'))).toEqual([
      'hook claimed',
      'hook finished',
      'hook replayed',
      'hook mismatch',
    ]);
    expect(heard).toContain('channel finished');
    expect(faults).toHaveLength(4);
    expect(keys.stats?.()).toMatchObject({
      claimedTotal: 1,
      finishedTotal: 1,
      replayedTotal: 1,
      mismatchesTotal: 1,
    });
  });

  it('is a warning where memory is full and forgets', async () => {
    const large = Buffer.alloc(1024 * 1024);
    const { url, keys } = await start({}, (res) => res.end(large));
    for (let at = 0; at < 63; at++) await send(url, `k${at}`);
    expect(keys.health?.(AbortSignal.abort())).toEqual({ status: 'pass' });
    await send(url, 'k63');
    expect(keys.health?.(AbortSignal.abort())).toMatchObject({ status: 'warn' });
  });

  it('is not forgotten while it is under way, even by a store that forgets', async () => {
    const gate = new Gate();
    const store = memoryStore({ clock, maxEntries: 2 });
    const { url, runs } = await start({ store }, async (res, run) => {
      if (run === 1) await gate.opened;
      res.json({ run });
    });
    const first = send(url, 'k');
    await until(() => runs() === 1);
    for (let at = 0; at < 5; at++) await send(url, `other${at}`);
    expect((await send(url, 'k')).code).toBe('ERR_IDEMPOTENCY_IN_FLIGHT');
    gate.let();
    await first;
    expect(runs()).toBe(6);
  });

  it('names the record of a request for whoever wants to resolve it', async () => {
    let seen: string | undefined;
    const { url, keys } = await start({}, (res) => {
      seen = keys.recordOf(exchangeOf(res.req, res));
      res.json({});
    });
    await send(url, 'k');
    expect(await keys.inspect(seen!)).toBe('finished');
    await send(url, undefined);
    expect(seen).toBeUndefined();
  });

  it('frees the key of a request that was answered while the store was asked for it', async () => {
    const store = memoryStore({ clock });
    const gate = new Gate();
    const slow: typeof store = {
      ...store,
      claim: async (...claimed) => {
        await gate.opened;
        return store.claim(...claimed);
      },
    };
    let isFirst = true;
    const { url, runs, keys } = await start({ store: slow }, undefined, (app) => {
      app.use((req, res, next) => {
        next();
        if (!isFirst) return;
        isFirst = false;
        res.status(503).end();
        abandon(exchangeOf(req, res));
      });
    });
    expect((await send(url, 'k')).status).toBe(503);
    gate.let();
    await until(() => keys.stats?.()['releasedTotal'] === 1);
    expect([runs(), keys.stats?.()['running']]).toEqual([0, 0]);
    expect((await send(url, 'k')).text).toBe('{"run":1}');
  });

  it('stops beating when nothing has happened for a while', async () => {
    const { url } = await start();
    await send(url, 'k');
    expect(clock.pending).toBe(1);
    clock.advance(31_000);
    expect(clock.pending).toBe(0);
    await send(url, 'k2');
    expect(clock.pending).toBe(1);
  });
});
