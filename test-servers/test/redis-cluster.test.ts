/** A cluster starts whole, or not at all. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Redis } from 'ioredis';
import * as ports from 'test-servers/free-port';
import { withRedis } from 'test-servers/redis';
import { startRedisCluster } from 'test-servers/redis-cluster';

jest.mock('test-servers/free-port', () => ({
  freePort: jest.fn(jest.requireActual<typeof ports>('test-servers/free-port').freePort),
}));

withRedis('a cluster of it', () => {
  test('has masters whose epochs were settled before anything began, so that any can be replaced', async () => {
    const cluster = await startRedisCluster();
    const epochs = await Promise.all(
      cluster.nodes.slice(0, 3).map(async ({ port }) => {
        const client = new Redis(port);
        const info = String(await client.call('cluster', 'info'));
        client.disconnect();
        return /cluster_my_epoch:(\d+)/.exec(info)?.[1];
      }),
    );
    await cluster.stop();
    expect(epochs).toEqual(['1', '2', '3']);
  });

  test('leaves no node behind where one finds its port taken', async () => {
    const taken = createServer().listen(await ports.freePort(), '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const given: number[] = [];
    const { freePort } = jest.requireActual<typeof ports>('test-servers/free-port');
    jest.mocked(ports.freePort).mockImplementation(async () => {
      given.push(given.length === 0 ? port : await freePort());
      return given.at(-1)!;
    });
    await expect(startRedisCluster()).rejects.toThrow('Address already in use');
    taken.close();
    for (const one of given.slice(1)) {
      const socket = connect(one, '127.0.0.1');
      await expect(once(socket, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    }
  });
});
