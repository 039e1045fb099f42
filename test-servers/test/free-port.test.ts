/** A server that is told its port finds it free, however many others are being started. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { freePort } from 'test-servers/free-port';

test('gives each port once, and none that a system hands out by itself', async () => {
  const ports = new Set<number>();
  for (let at = 0; at < 1000; at++) ports.add(await freePort());
  expect(ports.size).toBe(1000);
  expect(Math.max(...ports)).toBeLessThan(32_768);
});

test('gives none at which somebody listens', async () => {
  const taken = createServer().listen((await freePort()) + 1, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  expect(await freePort()).not.toBe(port);
  taken.close();
});
