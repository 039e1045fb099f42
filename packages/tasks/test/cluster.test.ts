/** BullMQ on a Redis Cluster of three masters, each with a replica. */
import { bullmq, type Tasks, tasks, type TasksOptions } from '@org/tasks';
import { Cluster, type Redis } from 'ioredis';
import { withRedis } from 'test-servers/redis';
import {
  type RedisCluster,
  type RedisClusterNode,
  startRedisCluster,
} from 'test-servers/redis-cluster';

import { type Server, serverOf } from '../src/bullmq/server.ts';
import { deferred, durableContract, engineContract, until } from './engine-contract.ts';

/** Where a limit is not what is tested, a busy machine must not exceed it. */
const PATIENT_MS = 5000;

describe('where the server of jobs is', () => {
  const none = { url: undefined, nodes: undefined, cluster: undefined };

  test('is Redis of this machine where nothing is said, and what the URL names elsewhere', () => {
    expect(serverOf(none)).toEqual({ kind: 'redis', url: 'redis://127.0.0.1:6379' });
    const url = 'rediss://user:secret@h:7000/3';
    expect(serverOf({ ...none, url, cluster: false })).toEqual({ kind: 'redis', url });
    const postgres = 'postgres://h/app';
    expect(serverOf({ ...none, url: postgres })).toEqual({ kind: 'postgres', url: postgres });
    expect(serverOf({ ...none, url: 'rediss+cluster://h', cluster: false })).toEqual({
      kind: 'redis',
      url: 'rediss://h',
    });
  });

  test.each<[object, Partial<Server>]>([
    [{ url: 'redis://h:7000', cluster: true }, { nodes: [{ host: 'h', port: 7000 }] }],
    [
      { url: 'rediss+cluster://me:p%40ss@[::1]:7000/0' },
      { nodes: [{ host: '::1', port: 7000 }], username: 'me', password: 'p@ss', isSecure: true },
    ],
    [
      { nodes: ['a:7000', 'b', '[::1]:7001'] },
      {
        nodes: [
          { host: 'a', port: 7000 },
          { host: 'b', port: 6379 },
          { host: '::1', port: 7001 },
        ],
      },
    ],
    [
      { url: 'redis://:secret@a:7000', nodes: ['b:7000'] },
      {
        nodes: [
          { host: 'a', port: 7000 },
          { host: 'b', port: 7000 },
        ],
        password: 'secret',
      },
    ],
  ])('is a cluster: %j', (given, expected) => {
    expect(serverOf({ ...none, ...given })).toEqual({
      kind: 'cluster',
      username: undefined,
      password: undefined,
      isSecure: false,
      ...expected,
    });
  });

  test.each([
    [{ url: 'postgres://h/app', cluster: true }, '"url" is one of Postgres'],
    [{ nodes: ['a:7000'], cluster: false }, 'leave "cluster" out'],
    [{ url: 'redis+cluster://me:secret@h/1' }, 'names a database'],
    [{ url: 'redis+cluster://me:sec%ret@h' }, 'must be percent-encoded'],
    [{ url: 'redis+cluster://me:secret@h:what' }, 'no valid host and port'],
    [{ nodes: ['redis://me:secret@h'] }, 'option "nodes" must be'],
    [{ url: 'http://h' }, 'option "url" must be an address'],
  ])('is not said by %j', (given, message) => {
    const make = (): unknown => bullmq(given);
    expect(make).toThrow(message);
    expect(make).not.toThrow(/sec%?ret/);
  });
});

withRedis('BullMQ on a Redis Cluster', () => {
  let cluster: RedisCluster;
  let client: Cluster;
  let made = 0;

  /** Each test has keys of its own, each `tasks` an engine of its own. */
  const options = (): Partial<TasksOptions> => {
    const prefix = `t${++made}`;
    return {
      get engine() {
        return bullmq({ nodes: cluster.addresses, prefix, addTimeoutMs: PATIENT_MS });
      },
    };
  };

  beforeAll(async () => {
    cluster = await startRedisCluster();
    client = new Cluster([`redis://${cluster.addresses[0]}`]);
    client.on('error', () => undefined);
  });
  afterAll(async () => {
    client.disconnect();
    await cluster.stop();
  });

  engineContract('BullMQ on a Redis Cluster', options);
  durableContract('BullMQ on a Redis Cluster', options);

  test.each([
    ['the scheme of the address', () => ({ url: `redis+cluster://${cluster.addresses[0]}` })],
    ['an option', () => ({ url: `redis://${cluster.addresses[0]}`, cluster: true })],
  ])('is chosen by %s', async (_how, given) => {
    const jobs = tasks(given());
    const task = jobs.define(`by-url-${++made}`, { handler: () => 'there' });
    await jobs.start();
    // A busy machine may need a second try.
    await until(() => task.add({}, { id: 'one' }).then(Boolean, () => false));
    await until(async () => (await task.find('one'))?.state === 'completed');
    expect(await client.exists(`{tasks:${task.name}}:${task.name}:one`)).toBe(1);
    await jobs.close();
  });

  test('has the jobs of a task on one master, and those of several on several', async () => {
    const { engine } = options();
    const jobs = tasks({ engine, works: false });
    const names = ['one', 'two', 'three', 'four', 'five', 'six'];
    const all = names.map((name) => jobs.define(name, { handler: () => undefined }));
    await jobs.start();
    for (const task of all) await task.add({}, { id: 'job' });
    const prefix = (engine as unknown as { settings: { prefix: string } }).settings.prefix;
    const masters = new Set<string>();
    for (const name of names) {
      const tag = `{${prefix}:${name}}`;
      expect(await client.exists(`${tag}:${name}:job`)).toBe(1);
      masters.add(client.slots[await slotOf(tag)]![0]!);
    }
    expect(masters.size).toBeGreaterThan(1);
    await jobs.close();
  });

  interface Fault {
    strike(node: RedisClusterNode): unknown;
    heal(node: RedisClusterNode): unknown;
  }

  test.each<[string, Fault]>([
    ['is killed', { strike: (node) => node.crash(), heal: (node) => node.restart() }],
    ['hangs', { strike: (node) => node.pause(), heal: (node) => node.resume() }],
  ])(
    'a master that %s: jobs are refused until its replica takes over, and those accepted are done',
    async (_what, { strike, heal }) => {
      const prefix = `t${++made}`;
      const make = (works: boolean): Tasks =>
        tasks({ works, engine: bullmq({ nodes: cluster.addresses, prefix, lockMs: 2000 }) });
      const [web, worker] = [make(false), make(true)];
      const gate = deferred();
      const done = new Set<string>();
      const task = web.define('mail', { handler: () => undefined });
      worker.define('mail', {
        concurrency: 2,
        handler: async ({ id }) => {
          await gate.promise;
          done.add(id);
        },
      });
      await web.start();
      await worker.start();
      const accepted: string[] = [];
      let added = 0;
      const add = async (): Promise<unknown> => {
        const id = `job-${++added}`;
        try {
          await task.add({}, { id });
          accepted.push(id);
          return undefined;
        } catch (error) {
          return error;
        }
      };
      while (accepted.length < 20) await add();
      // What the replica has not heard of would be lost: that is Redis', and not what is tested.
      const tag = `{${prefix}:mail}`;
      await client.set(`${tag}:mark`, 'all before this');
      const address = client.slots[await slotOf(tag)]![0]!;
      const isMaster = ({ options: { host, port } }: Redis): boolean =>
        `${host}:${port}` === address;
      await until(async () => (await client.nodes().find(isMaster)!.wait(1, 1000)) === 1);
      const master = cluster.nodes[cluster.addresses.indexOf(address)]!;
      await strike(master);
      const acceptedBefore = accepted.length;
      const refusals: unknown[] = [];
      while (refusals.length < 5) {
        const refusal = await add();
        if (refusal !== undefined) refusals.push(refusal);
      }
      for (const refusal of refusals) {
        expect(refusal).toMatchObject({ code: 'ERR_TASKS_STORAGE', status: 503 });
      }
      expect(refusals.map(String)).toContainEqual(expect.stringContaining('was not added'));
      expect(await web.health()).toMatchObject({ status: 'fail' });
      gate.resolve();
      await until(async () => {
        await add();
        return accepted.length > acceptedBefore;
      });
      await until(async () => (await web.health()).status === 'pass');
      await until(() => accepted.every((id) => done.has(id)));
      await Promise.all([web.close(), worker.close()]);
      await heal(master);
      await cluster.settled();
    },
  );

  const slotOf = (key: string): Promise<number> => client.cluster('KEYSLOT', key);
});
