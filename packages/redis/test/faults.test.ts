/** What the store does while its server hangs, dies, restarts empty, or the network does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { channel } from 'node:diagnostics_channel';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { type BusMessage, type Fault, FAULT_CHANNEL } from '@org/core';
import { redisStore, type RedisStore, type RedisStoreOptions } from '@org/redis';
import { Redis } from 'ioredis';
import { type RedisServer, startRedis, withRedis } from 'test-servers/redis';
import { type SlowProxy, startSlowProxy } from 'test-servers/slow-proxy';

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString();

/** Waits until something is so; that it never is fails the test. */
async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 20_000;
  for (;;) {
    if (await isTrue()) return;
    if (performance.now() > giveUpAt) throw new Error('It does not come true.');
    await sleep(10);
  }
}

/** The code that a call fails with, thrown or rejected. */
async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call();
    return 'none';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

withRedis('the store under faults', () => {
  let server: RedisServer;
  let proxy: SlowProxy | undefined;
  let stores: RedisStore[] = [];
  let faults: Fault[] = [];
  const onFault = (fault: unknown): void => void faults.push(fault as Fault);

  beforeAll(async () => {
    server = await startRedis();
  });
  beforeEach(() => {
    faults = [];
    channel(FAULT_CHANNEL).subscribe(onFault);
  });
  afterEach(async () => {
    channel(FAULT_CHANNEL).unsubscribe(onFault);
    await Promise.all(stores.map((store) => store.close()));
    stores = [];
    await proxy?.close();
    proxy = undefined;
  });
  afterAll(() => server.crash());

  const made = (options: Partial<RedisStoreOptions> = {}): RedisStore => {
    const store = redisStore({ url: `redis://127.0.0.1:${server.port}`, ...options });
    stores.push(store);
    return store;
  };
  const started = async (options?: Partial<RedisStoreOptions>): Promise<RedisStore> => {
    const store = made(options);
    await store.start();
    return store;
  };
  const answers = (store: RedisStore) => async (): Promise<boolean> =>
    (await codeOf(() => store.get('key'))) === 'none';

  test('connects with the first call, which waits for the connection', async () => {
    const store = made({ timeoutMs: 5000 });
    const calls = [store.add('first', 1, 5000), store.add('first', 1, 5000)];
    expect((await Promise.all(calls)).map(({ value }) => value)).toEqual([1, 2]);
  });

  test('loads a script that the server does not know any more', async () => {
    const store = await started({ timeoutMs: 5000 });
    await store.add('scripted', 1, 60_000);
    const loaded = Number(store.stats()['scriptsLoadedTotal']);
    const client = new Redis(server.port, '127.0.0.1');
    await client.script('FLUSH');
    client.disconnect();
    expect((await store.add('scripted', 1, 60_000)).value).toBe(2);
    expect((await store.add('scripted', 1, 60_000)).value).toBe(3);
    expect(store.stats()).toMatchObject({ scriptsLoadedTotal: loaded + 1 });
  });

  test('starts without a server, and works once there is one', async () => {
    await server.crash();
    const store = await started();
    expect(await codeOf(() => store.get('key'))).toBe('ERR_STORE_UNAVAILABLE');
    await expect(store.subscribe('channel', () => undefined)).rejects.toMatchObject({
      cause: { message: expect.stringContaining('ECONNREFUSED') as string },
    });
    expect(await store.health(AbortSignal.timeout(1000))).toMatchObject({ status: 'warn' });
    await server.restart();
    await until(answers(store));
    expect(await store.health(AbortSignal.timeout(1000))).toEqual({ status: 'pass' });
  });

  test('refuses at once, without a promise, while the server is gone', async () => {
    const store = await started({ timeoutMs: 5000 });
    await server.crash();
    await until(() => store.stats()['connected'] === false);
    expect(() => store.get('key')).toThrow('The store is not available for get.');
    expect(() => store.claim('key', Buffer.from('x'), 1000)).toThrow('for claim');
    await server.restart();
    await until(answers(store));
  });

  test('rejects what is under way when the server dies, and reports one fault for the outage', async () => {
    const store = await started({ timeoutMs: 60_000 });
    server.pause();
    const calls = Array.from({ length: 20 }, () => codeOf(() => store.add('under-way', 1, 5000)));
    await server.crash();
    // Several attempts to come back fail meanwhile.
    await sleep(500);
    await server.restart();
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['ERR_STORE_UNAVAILABLE']));
    await until(answers(store));
    expect(faults.map(({ where }) => where)).toEqual(['redis']);
    expect(store.stats()).toMatchObject({ outagesTotal: 1, inFlight: 0 });
    // Nothing was sent again.
    expect((await store.add('under-way', 1, 5000)).value).toBe(1);
  });

  test('gives up on a server that hangs, then refuses at once, and comes back by itself', async () => {
    const store = await started({ timeoutMs: 50, breakerFailures: 3, breakerOpenMs: 100 });
    server.pause();
    try {
      const codes: string[] = [];
      while (codes.at(-1) !== 'ERR_STORE_UNAVAILABLE')
        codes.push(await codeOf(() => store.get('key')));
      expect(codes.slice(0, -1)).toEqual(Array.from({ length: 3 }, () => 'ERR_STORE_TIMEOUT'));
      expect(() => store.get('key')).toThrow('not available');
      expect(await store.health(AbortSignal.timeout(1000))).toMatchObject({ status: 'warn' });
    } finally {
      server.resume();
    }
    await until(answers(store));
    expect(await store.health(AbortSignal.timeout(1000))).toEqual({ status: 'pass' });
    expect(faults).toHaveLength(1);
  });

  test('takes no limit that no timer keeps, and what is left of a time that is over', async () => {
    const store = await started({ timeoutMs: 60_000, breakerFailures: 1000 });
    for (const timeoutMs of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
      expect(() => store.get('key', { timeoutMs })).toThrow(RangeError);
      await expect(store.subscribe('key', () => undefined, { timeoutMs })).rejects.toThrow(
        `but is ${timeoutMs}.`,
      );
    }
    server.pause();
    try {
      expect(await codeOf(() => store.get('key', { timeoutMs: -5 }))).toBe('ERR_STORE_TIMEOUT');
    } finally {
      server.resume();
    }
  });

  test('says why a call is refused', async () => {
    const store = await started({ timeoutMs: 50, maxInFlight: 1 });
    const cause = (message: string): object => ({ cause: { message } });
    const first = store.get('key');
    await expect(async () => store.get('key')).rejects.toMatchObject(
      cause('1 calls are in flight (maxInFlight).'),
    );
    await codeOf(() => first);
    await store.close();
    await expect(async () => store.get('key')).rejects.toMatchObject(cause('The store is closed.'));
  });

  test('sends what is asked for in one turn in one write, and much of it piece by piece', async () => {
    const client = new Redis(server.port, '127.0.0.1');
    const store = await started({ client, url: undefined, timeoutMs: 5000 });
    await store.add('together', 1, 5000);
    const { stream } = client as unknown as { stream: Writable };
    const writev = jest.spyOn(stream, '_writev' as never) as unknown as jest.Mock;
    const write = jest.spyOn(stream, '_write');
    const written = async (calls: number): Promise<number[]> => {
      writev.mockClear();
      await Promise.all(Array.from({ length: calls }, () => store.add('together', 1, 5000)));
      return writev.mock.calls.map(([chunks]: [unknown[]]) => chunks.length);
    };
    expect(await written(50)).toEqual([50]);
    const [first, ...more] = await written(250);
    expect(first).toBe(100);
    expect(more.reduce((sum, chunks) => sum + chunks, 0)).toBe(150);
    expect(write).not.toHaveBeenCalled();
    client.disconnect();
  });

  test('lets what is under way end when it closes, and waits for nothing that hangs', async () => {
    const store = await started({ timeoutMs: 5000 });
    const answered = store.add('at-the-end', 1, 5000);
    await store.close();
    expect((await answered).value).toBe(1);

    const hanging = await started({ timeoutMs: 50 });
    server.pause();
    try {
      const call = codeOf(() => hanging.get('key', { timeoutMs: 60_000 }));
      await hanging.close();
      expect(await call).toBe('ERR_STORE_UNAVAILABLE');
    } finally {
      server.resume();
    }
  });

  test('takes bytes alone for a value', async () => {
    const store = await started();
    for (const value of ['text', undefined, null, [1]]) {
      expect(() => store.set('key', value as never, 1000)).toThrow('must be a Uint8Array');
    }
    expect(() => store.set('key', Buffer.alloc(9 * 1024 ** 2), 1000)).toThrow('maxValueBytes');
  });

  test('moves a tag on that is ahead of the clock, and begins one anew in whose place something else stands', async () => {
    const store = await started({ timeoutMs: 5000 });
    const client = new Redis(server.port, '127.0.0.1');
    const ahead = 9_000_000_000_000_000;
    await client.mset('org:v1:tag:foreign', 'text', 'org:v1:tag:bumped', 'text');
    await client.set('org:v1:tag:ahead', ahead);
    client.disconnect();
    expect(await store.bump(['ahead'])).toEqual([ahead + 1]);
    const versions = await store.versions(['foreign', 'other']);
    expect(versions).toHaveLength(2);
    expect(await store.versions(['foreign', 'other'])).toEqual(versions);
    expect(await store.bump(['bumped'])).toEqual([expect.any(Number)]);
  });

  test('counts failures in a row, and not those that answers lie between', async () => {
    const store = await started({ timeoutMs: 5000, breakerFailures: 2 });
    for (let at = 0; at < 3; at++) {
      server.pause();
      const code = await codeOf(() => store.get('key', { timeoutMs: 20 }));
      server.resume();
      expect([code, await codeOf(() => store.get('key'))]).toEqual(['ERR_STORE_TIMEOUT', 'none']);
    }
    expect(store.stats()).toMatchObject({ breakerOpenedTotal: 0 });
  });

  test('closes the breaker with a new connection, whenever the next probe is due', async () => {
    const store = await started({ breakerFailures: 1, breakerOpenMs: 600_000 });
    server.pause();
    expect(await codeOf(() => store.get('key', { timeoutMs: 20 }))).toBe('ERR_STORE_TIMEOUT');
    expect(store.stats()).toMatchObject({ nodesAway: 1 });
    await server.crash();
    await server.restart();
    await until(answers(store));
  });

  test('takes the limit of the caller where it brings one', async () => {
    const store = await started({ timeoutMs: 60_000, breakerFailures: 1000 });
    server.pause();
    try {
      await expect(store.get('key', { timeoutMs: 20 })).rejects.toMatchObject({
        code: 'ERR_STORE_TIMEOUT',
        message: 'The store did not answer get within 20 ms.',
      });
    } finally {
      server.resume();
    }
  });

  test('bounds what waits for a server that hangs', async () => {
    const store = await started({ timeoutMs: 50, maxInFlight: 10, breakerFailures: 1000 });
    server.pause();
    try {
      const calls = Array.from({ length: 25 }, () => codeOf(() => store.get('key')));
      const codes = await Promise.all(calls);
      expect(codes.filter((code) => code === 'ERR_STORE_TIMEOUT')).toHaveLength(10);
      expect(codes.filter((code) => code === 'ERR_STORE_UNAVAILABLE')).toHaveLength(15);
      const counted = { callsTotal: 10, timeoutsTotal: 10, refusedTotal: 15, inFlight: 10 };
      expect(store.stats()).toMatchObject(counted);
    } finally {
      server.resume();
    }
    await until(() => store.stats()['inFlight'] === 0);
  });

  test('replaces a connection through which nothing comes any more', async () => {
    proxy = await startSlowProxy(server.port);
    const store = await started({
      url: `redis://127.0.0.1:${proxy.port}`,
      timeoutMs: 200,
      breakerFailures: 1,
      breakerOpenMs: 20,
    });
    proxy.isSilent = true;
    expect(await codeOf(() => store.get('key'))).toBe('ERR_STORE_TIMEOUT');
    // The old connections stay as silent as they are; what is made anew is heard.
    await until(() => store.stats()['connected'] === false);
    proxy.cut();
    proxy.isSilent = false;
    await until(answers(store));
    expect(store.stats()).toMatchObject({ connectionsTotal: 2 });
  });

  test('lives with a network that is slow and cuts connections', async () => {
    proxy = await startSlowProxy(server.port, 7);
    const store = await started({ url: `redis://127.0.0.1:${proxy.port}`, timeoutMs: 1000 });
    proxy.delayMs = 5;
    proxy.dropRatio = 0.02;
    const codes = new Set<string>();
    for (let at = 0; at < 200; at++) codes.add(await codeOf(() => store.add('cut', 1, 60_000)));
    expect(
      [...codes].filter(
        (code) => !['none', 'ERR_STORE_UNAVAILABLE', 'ERR_STORE_TIMEOUT'].includes(code),
      ),
    ).toEqual([]);
    proxy.dropRatio = 0;
    await until(answers(store));
  });

  test.each(['pubsub', 'stream'] as const)(
    'numbers messages on from where nobody has been, after the server lost everything (%s)',
    async (bus) => {
      const store = await started({ bus, timeoutMs: 5000, keyPrefix: `lost-${bus}` });
      const heard: BusMessage[] = [];
      await store.subscribe('channel', (message) => heard.push(message));
      await store.publish('channel', Buffer.from('one'));
      await store.publish('channel', Buffer.from('two'));
      await until(() => heard.length === 2);
      const client = new Redis(server.port, '127.0.0.1');
      await client.flushall();
      client.disconnect();
      await store.publish('channel', Buffer.from('three'));
      await until(() => heard.length === 3);
      expect(heard.map(({ data }) => text(data))).toEqual(['one', 'two', 'three']);
      expect(heard[1]!.sequence - heard[0]!.sequence).toBe(1);
      expect(heard[2]!.sequence - heard[1]!.sequence).toBeGreaterThan(1);
    },
  );

  test.each(['pubsub', 'stream'] as const)(
    'numbers messages on from where nobody has been, after the server restarted from its log (%s)',
    async (bus) => {
      const folder = mkdtempSync(join(tmpdir(), 'test-redis-'));
      const logged = ['--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always'];
      const durable = await startRedis(logged);
      try {
        const url = `redis://127.0.0.1:${durable.port}`;
        const store = await started({ url, bus, timeoutMs: 5000 });
        const heard: BusMessage[] = [];
        await store.subscribe('channel', (message) => heard.push(message));
        await store.publish('channel', Buffer.from('one'));
        await until(() => heard.length === 1);
        await durable.crash();
        await until(() => store.stats()['connected'] === false);
        await durable.restart();
        await until(async () => (await store.health(AbortSignal.timeout(1000))).status === 'pass');
        await store.publish('channel', Buffer.from('two'));
        await until(() => heard.length === 2);
        expect(heard[1]!.sequence - heard[0]!.sequence).toBeGreaterThan(1);
      } finally {
        await durable.crash();
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );

  test('shows a gap to a subscriber that was cut off, and goes on hearing', async () => {
    proxy = await startSlowProxy(server.port);
    const listening = await started({ url: `redis://127.0.0.1:${proxy.port}`, timeoutMs: 5000 });
    const publishing = await started({ timeoutMs: 5000 });
    const heard: BusMessage[] = [];
    await listening.subscribe('cut-off', (message) => heard.push(message));
    await publishing.publish('cut-off', Buffer.from('one'));
    await until(() => heard.length === 1);
    proxy.cut();
    await publishing.publish('cut-off', Buffer.from('nobody hears this'));
    await until(async () => {
      await publishing.publish('cut-off', Buffer.from('again'));
      return heard.length > 1;
    });
    expect(heard[1]!.sequence - heard[0]!.sequence).toBeGreaterThan(1);
  });

  test.each(['pubsub', 'stream'] as const)('warns while the bus is not heard (%s)', async (bus) => {
    const store = await started({ bus, timeoutMs: 5000 });
    await store.subscribe('heard', () => undefined);
    const client = new Redis(server.port, '127.0.0.1');
    const status = async () => (await store.health(AbortSignal.timeout(1000))).detail;
    await until(async () => {
      const all = (await client.client('LIST')) as string;
      const [, id] = /^id=(\d+).* cmd=(?:subscribe|xread) /m.exec(all) ?? [];
      if (id !== undefined) await client.client('KILL', 'ID', id);
      return (await status()) === 'the bus is not heard';
    });
    client.disconnect();
    await until(async () => (await status()) === undefined);
    expect(store.stats()).toMatchObject({ connected: true, channels: 1 });
  });

  test('brings what a stream kept to a subscriber that was cut off, once each', async () => {
    proxy = await startSlowProxy(server.port);
    const options = { bus: 'stream', timeoutMs: 5000 } as const;
    const listening = await started({ ...options, url: `redis://127.0.0.1:${proxy.port}` });
    const publishing = await started(options);
    const heard: BusMessage[] = [];
    await listening.subscribe('kept', (message) => heard.push(message));
    await publishing.publish('kept', Buffer.from('0'));
    await until(() => heard.length === 1);
    for (let at = 1; at < 30; at++) {
      if (at % 10 === 0) proxy.cut();
      await publishing.publish('kept', Buffer.from(String(at)));
    }
    await until(() => heard.length >= 30);
    expect(heard.map(({ data }) => text(data))).toEqual(
      Array.from({ length: 30 }, (_, at) => String(at)),
    );
    expect(heard.at(-1)!.sequence - heard[0]!.sequence).toBe(29);
  });

  test('reads a stream from its beginning that begins anew with lower numbers', async () => {
    const store = await started({ bus: 'stream', timeoutMs: 5000 });
    const heard: BusMessage[] = [];
    await store.subscribe('anew', (message) => heard.push(message));
    await store.publish('anew', Buffer.from('one'));
    await until(() => heard.length === 1);
    const client = new Redis(server.port, '127.0.0.1');
    expect(await client.pttl('org:v1:stream:anew')).toBeGreaterThan(0);
    await client.del('org:v1:stream:anew');
    await client.xadd('org:v1:stream:anew', '5-0', 'by', 'another', 'data', 'two');
    client.disconnect();
    await until(() => heard.length === 2);
    expect(heard[1]).toEqual({ sequence: 5, data: Buffer.from('two') });
  });

  test('answers tags that were lost with versions that nobody has seen', async () => {
    const store = await started({ timeoutMs: 5000 });
    const [first] = await store.versions(['lost']);
    expect(await store.versions(['lost'])).toEqual([first]);
    const [bumped] = await store.bump(['lost']);
    await server.crash();
    await server.restart();
    await until(answers(store));
    const [after] = await store.versions(['lost']);
    expect(after).toBeGreaterThan(bumped!);
    expect(Number.isSafeInteger(after)).toBe(true);
  });

  test('a listener that throws is reported, and the others hear the message', async () => {
    const store = await started({ timeoutMs: 5000 });
    let heard = 0;
    await store.subscribe('throws', () => {
      throw new Error('listener');
    });
    await store.subscribe('throws', () => void heard++);
    await store.publish('throws', Buffer.from('message'));
    await until(() => heard === 1);
    expect(faults.map(({ where }) => where)).toEqual(['bus listener of throws']);
  });

  test('asks with no command that looks through all keys', async () => {
    const store = await started({ timeoutMs: 5000 });
    const client = new Redis(server.port, '127.0.0.1');
    await client.config('RESETSTAT');
    await store.set('key', Buffer.from('value'), 5000);
    await store.get('key');
    await store.claim('claimed', Buffer.from('a'), 5000);
    await store.compareAndSet('claimed', Buffer.from('a'), undefined, 1);
    await store.add('counter', 1, 5000);
    await store.bump(['a', 'b']);
    await store.versions(['a', 'b']);
    const end = await store.subscribe('channel', () => undefined);
    await store.publish('channel', Buffer.from('message'));
    await end();
    const stats = await client.info('commandstats');
    client.disconnect();
    const used = [...stats.matchAll(/^cmdstat_([^:]+):/gm)].map(([, name]) => name!);
    expect(used).toEqual(expect.arrayContaining(['get', 'set', 'evalsha']));
    expect(used.filter((name) => /^(?:keys|scan|flushall|flushdb)$/.test(name))).toEqual([]);
  });

  test('a service outlives twenty crashes, rejects nothing unhandled, and ends without a handle left', async () => {
    const service = spawn(
      process.execPath,
      [
        '--conditions=@org/source',
        '--import=tsx',
        '--no-warnings',
        join(__dirname, 'crashing-service.ts'),
        `redis://127.0.0.1:${server.port}`,
      ],
      { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } },
    );
    const ended = once(service, 'exit');
    let output = '';
    service.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await until(() => output.includes('ready'));
    const backs = (): number => output.split('back').length - 1;
    for (let crash = 0; crash < 20; crash++) {
      const before = backs();
      await server.crash();
      await server.restart();
      await until(() => backs() > before);
    }
    service.stdin.write('end\n');
    expect(await ended).toEqual([0, null]);
    const answered = JSON.parse(output.split('\n').at(-2)!) as Record<string, number>;
    expect(Object.keys(answered).toSorted()).toEqual(
      expect.arrayContaining(['ERR_STORE_UNAVAILABLE', 'answered']),
    );
    expect(
      Object.keys(answered).filter(
        (code) => !['answered', 'ERR_STORE_UNAVAILABLE', 'ERR_STORE_TIMEOUT'].includes(code),
      ),
    ).toEqual([]);
  });
});
