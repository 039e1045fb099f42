/** A Redis server for a bench, in memory; it ends with the process. */
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** Starts it on a port, and answers its address. */
export async function benchRedis(port: number): Promise<string> {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', args, { cwd: tmpdir(), stdio: 'ignore' });
  server.unref();
  process.once('exit', () => void server.kill('SIGKILL'));
  while (!(await answers(port))) await delay(20);
  return `redis://127.0.0.1:${port}`;
}

async function answers(port: number): Promise<boolean> {
  const client = new Redis(port, '127.0.0.1', { lazyConnect: true, retryStrategy: null });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}
