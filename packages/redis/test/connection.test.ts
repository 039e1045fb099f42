/** Where the store connects to, how it gets in, and that it tells nobody. */
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { channel } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

import { type Fault, FAULT_CHANNEL } from '@org/core';
import {
  REDIS_STORE_DEFAULTS,
  redisStore,
  type RedisStore,
  type RedisStoreOptions,
} from '@org/redis';
import { Redis } from 'ioredis';
import { freePort } from 'test-servers/free-port';
import { missing } from 'test-servers/missing';
import { type RedisServer, startRedis, withRedis } from 'test-servers/redis';

import { addressOf, endpointOf } from '../src/address.ts';
import { Link } from '../src/link.ts';
import { resolveStoreOptions } from '../src/options.ts';

describe('the options', () => {
  test.each([
    [{}, 'option "url" is needed'],
    [{ url: undefined }, 'option "url" is needed'],
    [{ nodes: [] }, 'option "url" is needed'],
    [{ url: 'http://h' }, 'option "url" must begin with redis://'],
    [{ url: 'localhost' }, 'option "url" must begin with redis://'],
    [{ url: 'redis:6379' }, 'option "url" must begin with redis://'],
    [{ url: 'redis://h:0' }, 'option "url" has the port 0'],
    [{ url: 'redis://h:70000' }, 'option "url" has no valid host and port'],
    [{ url: 'redis://h/one' }, 'no number of a database'],
    [{ url: 'redis://h#1' }, 'must be percent-encoded'],
    [{ url: 'redis://u:p%zz@h' }, 'must be percent-encoded'],
    [{ url: 'unix:///%zz' }, 'must be percent-encoded'],
    [{ url: 'unix:///r.sock?db=one' }, 'no number of a database'],
    [{ url: 'unix://r.sock' }, 'has no absolute path'],
    [{ url: 'unix://' }, 'has no absolute path'],
    [{ url: 'redis://h?timeout=1' }, 'has the parameter "timeout"'],
    [{ url: 'redis://h/1', cluster: true }, 'option "database" must be 0 in a cluster, but is 1.'],
    [{ url: 'unix:///r.sock', cluster: true }, 'not a Unix socket'],
    [{ nodes: ['h:1', 'h:0'] }, 'option "nodes[1]" must be host:port, but is "h:0".'],
    [{ url: 'redis://h', nodes: ['h:7000'], cluster: false }, 'option "nodes" is of a cluster'],
    [{ url: 'redis://h', client: new Redis({ lazyConnect: true }) }, 'option "client" knows'],
    [
      { client: new Redis({ lazyConnect: true, enableAutoPipelining: true }) },
      'option "client" has enableAutoPipelining',
    ],
    [{ url: 'redis://h', timeoutMs: 0 }, 'option "timeoutMs" must be a duration in ms, at least 1'],
    [{ url: 'redis://h', timeoutMS: 1 }, 'did you mean "timeoutMs"?'],
    [{ url: 'redis://h', bus: 'list' }, 'option "bus" must be one of "pubsub", "stream"'],
  ] as readonly (readonly [object, string])[])('that are wrong are refused (%#)', (given, why) => {
    expect(() => redisStore(given)).toThrow(why);
  });

  test('that are wrong are told without what is secret in them', () => {
    const wrong: object[] = [
      { url: 'redis//user:s3cret@h' },
      { url: 'http://user:s3cret@h' },
      { url: 'redis://user:s3cret@h/x' },
      { url: 'redis://user:12#s3cret@h' },
      { url: 'redis://user:12?s3cret@h' },
      { url: 'redis://user:12/s3cret@h' },
      { nodes: ['redis://user:s3cret@h'] },
      { url: ['s3cret'] },
      { url: 'redis://h', password: ['s3cret'] },
      { url: 'redis://h', password: Buffer.from('s3cret') },
    ];
    for (const given of wrong) {
      let message = '';
      try {
        redisStore(given);
      } catch (error) {
        message = inspect(error, { depth: 5 });
      }
      expect(message).toContain('ERR_OPTION');
      expect(message).not.toContain('s3cret');
    }
  });

  test('that are given are not changed, and the defaults are frozen', async () => {
    const given = Object.freeze({ url: 'redis://127.0.0.1:1', nodes: undefined });
    const store = redisStore(given);
    expect(store.name).toBe('redis');
    await store.close();
    await store.close();
    expect(Object.isFrozen(REDIS_STORE_DEFAULTS)).toBe(true);
  });
});

test.each([
  ['redis://h', { endpoint: { host: 'h', port: 6379 }, tls: false, cluster: false }],
  ['redis://h:7000/2', { endpoint: { host: 'h', port: 7000 }, database: 2 }],
  ['rediss://u:p%40ss@h', { tls: true, username: 'u', password: 'p@ss' }],
  ['redis://:only@h', { username: undefined, password: 'only' }],
  ['redis+cluster://h:7000', { cluster: true, tls: false }],
  ['rediss+cluster://h:7000', { cluster: true, tls: true }],
  ['redis://[::1]:7000', { endpoint: { host: '::1', port: 7000 } }],
  ['unix:///run/redis.sock?db=3', { path: '/run/redis.sock', database: 3, endpoint: undefined }],
] as const)('%s is understood', (url, expected) => {
  expect(addressOf(url)).toMatchObject(expected);
});

test.each([
  ['h', { host: 'h', port: 6379 }],
  ['h:7000', { host: 'h', port: 7000 }],
  ['[::1]:7000', { host: '::1', port: 7000 }],
  ['::1', { host: '::1', port: 6379 }],
  ['h:70000', undefined],
  ['redis://h', undefined],
  ['user@h', undefined],
] as const)('%s is a node, or none', (text, expected) => {
  expect(endpointOf(text)).toEqual(expected);
});

withRedis('how the store gets into it', () => {
  let stores: RedisStore[] = [];
  let servers: RedisServer[] = [];
  let folder: string;
  const faults: Fault[] = [];
  const onFault = (fault: unknown): void => void faults.push(fault as Fault);

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'test-redis-'));
    channel(FAULT_CHANNEL).subscribe(onFault);
  });
  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await Promise.all(servers.map((server) => server.crash()));
    stores = [];
    servers = [];
    faults.length = 0;
  });
  afterAll(() => {
    channel(FAULT_CHANNEL).unsubscribe(onFault);
    rmSync(folder, { recursive: true, force: true });
  });

  const served = async (...args: string[]): Promise<number> => {
    const server = await startRedis(args);
    servers.push(server);
    return server.port;
  };
  const started = async (options: Partial<RedisStoreOptions>): Promise<RedisStore> => {
    const store = redisStore({ timeoutMs: 5000, ...options });
    stores.push(store);
    await store.start();
    return store;
  };
  const works = async (store: RedisStore): Promise<void> => {
    expect((await store.add('works', 1, 5000)).value).toBe(1);
    let heard: () => void;
    const message = new Promise<void>((resolve) => (heard = resolve));
    await store.subscribe('works', () => heard());
    await store.publish('works', Buffer.from('message'));
    await message;
    expect(store.stats()).toMatchObject({ connected: true, channels: 1 });
  };

  test('with a password, or a user that may do what the store does and no more', async () => {
    const rules = '+@read +@write +@connection +@pubsub +@scripting +time +info ~org:* &org:*';
    const user = `--user service on >s3cret ${rules}`.split(' ');
    const port = await served('--requirepass', 's3cret', ...user);
    await works(await started({ url: `redis://:s3cret@127.0.0.1:${port}` }));
    const named = { username: 'service', password: 's3cret', keyPrefix: 'org:service' };
    const store = await started({ url: `redis://127.0.0.1:${port}`, ...named });
    await works(store);
    expect(await store.health(AbortSignal.timeout(1000))).toEqual({ status: 'pass' });
  });

  test('with a user that may not do what the store does it does not, and says what is missing', async () => {
    const warned = jest.spyOn(console, 'warn').mockImplementation();
    const user = '--user service on nopass +@read +@connection ~org:*'.split(' ');
    const port = await served(...user);
    const store = await started({ url: `redis://service:any@127.0.0.1:${port}` });
    const { detail } = await store.health(AbortSignal.timeout(1000));
    expect(detail).toMatch(/NOPERM.*'info'/);
    await store.close();
    warned.mockRestore();
  });

  test('with a wrong password it does not, and tells nobody what it was', async () => {
    const port = await served('--requirepass', 's3cret');
    const store = await started({ url: `redis://:wr0ng-s3cret@127.0.0.1:${port}` });
    const error: unknown = await (async () => store.get('key'))().catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    const health = await store.health(AbortSignal.timeout(1000));
    expect(health).toMatchObject({ status: 'warn' });
    expect(health.detail).toMatch(/WRONGPASS|invalid/);
    expect(faults).toHaveLength(1);
    const shown = inspect([error, health, store.stats(), faults], { depth: 9, showHidden: true });
    expect(shown).not.toContain('wr0ng-s3cret');
  });

  test('with a replica as with a server that is away, in one outage, until it takes writes', async () => {
    const port = await served();
    const replica = await served('--replicaof', '127.0.0.1', String(port));
    const client = new Redis(replica, '127.0.0.1');
    const attempts = async (): Promise<number> =>
      Number(/^total_connections_received:(\d+)/m.exec(await client.info('stats'))![1]);
    const store = await started({ url: `redis://127.0.0.1:${replica}` });
    const before = await attempts();
    while ((await attempts()) < before + 3) await sleep(10);
    expect(() => store.get('key')).toThrow('not available');
    expect((await store.health(AbortSignal.timeout(1000))).detail).toContain('is a replica');
    await client.call('replicaof', 'no', 'one');
    while (store.stats()['connected'] !== true) await sleep(10);
    await works(store);
    expect(faults).toHaveLength(1);
    // And the other way round, while it is connected: the first write finds out.
    await client.call('replicaof', '127.0.0.1', String(port));
    await expect(store.add('read-only', 1, 5000)).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/^READONLY/) as string },
    });
    while (store.stats()['connected'] === true) await sleep(10);
    client.disconnect();
  });

  test('again and again, and less and less often until it has worked', async () => {
    const url = `redis://127.0.0.1:${await served()}`;
    const link = new Link(resolveStoreOptions({ url, random: () => 0 }));
    const { retryStrategy } = (link.client as Redis).options;
    expect([1, 1, 1].map((at) => retryStrategy!(at))).toEqual([25, 50, 100]);
    await link.open();
    expect([link.isReady, retryStrategy!(1)]).toEqual([true, 25]);
    link.close();
  });

  test('with a server that never becomes ready, which it says', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const store = await started({ url: `redis://127.0.0.1:${port}`, connectTimeoutMs: 50 });
    const error: unknown = await (async () => store.get('key'))().catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ cause: { message: 'Redis was not ready within 50 ms.' } });
    expect((await store.health(AbortSignal.timeout(1000))).detail).toContain('within 50 ms');
    await store.close();
    silent.close();
  });

  test('in another database, and through a Unix socket', async () => {
    const path = join(folder, 'redis.sock');
    const port = await served('--unixsocket', path);
    await works(await started({ url: `unix://${path}?db=2` }));
    const client = new Redis(port, '127.0.0.1', { db: 2 });
    expect(await client.exists('org:v1:counter:works')).toBe(1);
    client.disconnect();
  });

  test('with a client of the user, which stays open when the store closes', async () => {
    const port = await served();
    const client = new Redis(port, '127.0.0.1', { keyPrefix: 'theirs:' });
    await once(client, 'ready');
    const listeners = (): number =>
      client.eventNames().reduce((sum, event) => sum + client.listenerCount(event), 0);
    const before = listeners();
    for (const bus of ['pubsub', 'stream'] as const) {
      const store = await started({ client, bus, keyPrefix: bus });
      await works(store);
      await store.close();
    }
    expect(await client.ping()).toBe('PONG');
    expect(listeners()).toBe(before);
    expect(await client.exists('pubsub:v1:counter:works')).toBe(1);
    client.disconnect();
  });

  test('what a server refuses everybody opens the breaker, what it refuses one call does not', async () => {
    const client = new Redis(await served(), '127.0.0.1');
    const store = await started({ client, breakerFailures: 2 });
    const openedBy = async (call: () => Promise<unknown>): Promise<unknown> => {
      for (let at = 0; at < 2; at++) await expect(call()).rejects.toThrow('not available');
      return store.stats()['breakerOpenedTotal'];
    };
    await client.lpush('org:v1:value:list', 'one');
    expect(await openedBy(() => store.get('list'))).toBe(0);
    await client.call('replicaof', '127.0.0.1', String(await served()));
    expect(await openedBy(() => store.add('read-only', 1, 5000))).toBe(1);
    client.disconnect();
  });

  const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
  if (!hasOpenssl) missing('openssl', 'TLS');
  else
    test('by TLS, with a certificate that it trusts and no other', async () => {
      const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
      const subject = '-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1';
      const how = `req -x509 -newkey rsa:2048 -nodes -days 2 ${subject}`.split(' ');
      execFileSync('openssl', [...how, '-keyout', key, '-out', cert], { stdio: 'ignore' });
      const tlsPort = await freePort();
      const files = `--tls-cert-file ${cert} --tls-key-file ${key} --tls-ca-cert-file ${cert}`;
      await served(...`--tls-port ${tlsPort} ${files} --tls-auth-clients no`.split(' '));
      const url = `rediss://127.0.0.1:${tlsPort}`;
      await works(await started({ url, tls: { ca: readFileSync(cert) } }));
      const distrusting = await started({ url, connectTimeoutMs: 1000 });
      expect(await distrusting.health(AbortSignal.timeout(1000))).toMatchObject({ status: 'warn' });
      expect(distrusting.stats()).toMatchObject({ connected: false });
    });
});
