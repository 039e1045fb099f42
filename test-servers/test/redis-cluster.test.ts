import { Redis } from 'ioredis';

import { withRedis } from '../src/redis.ts';
import { startRedisCluster } from '../src/redis-cluster.ts';

withRedis('a Redis Cluster', () => {
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
});
