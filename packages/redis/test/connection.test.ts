/** Where the store connects to, how it gets in, and that it tells nobody. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { channel } from 'node:diagnostics_channel';
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

describe('the options', () => {
  test.each([
    [{}, 'option "url" is needed'],
    [{ url: undefined }, 'option "url" is needed'],
    [{ nodes: [] }, 'option "url" is needed'],
    [{ url: 'http://h' }, 'option "url" must begin with redis://'],
    [{ url: 'localhost' }, 'option "url" is none'],
    [{ url: 'redis://h/one' }, 'no number of a database'],
    [{ url: 'redis://h?timeout=1' }, 'has the parameter "timeout"'],
    [{ url: 'redis://h/1', cluster: true }, 'option "database" must be 0 in a cluster, but is 1.'],
    [{ url: 'unix:///r.sock', cluster: true }, 'not a Unix socket'],
    [{ nodes: ['h:0'] }, 'option "nodes" must be a list of host:port'],
    [{ url: 'redis://h', nodes: ['h:7000'], cluster: false }, 'option "nodes" is of a cluster'],
    [{ url: 'redis://h', client: new Redis({ lazyConnect: true }) }, 'option "client" knows'],
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
    for (const bus of ['pubsub', 'stream'] as const) {
      const store = await started({ client, bus, keyPrefix: bus });
      await works(store);
      await store.close();
    }
    expect(await client.ping()).toBe('PONG');
    expect(await client.exists('pubsub:v1:counter:works')).toBe(1);
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
