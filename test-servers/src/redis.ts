/** A Redis server of one test, in memory and on a free port. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';

import { freePort } from './free-port.ts';
import { missing } from './missing.ts';

export interface RedisServer {
  readonly port: number;
  /** Stops it where it stands: connections stay, and nothing answers. */
  pause(): void;
  resume(): void;
  /** Ends it as a crash would. */
  crash(): Promise<void>;
  restart(): Promise<void>;
}

/** Tests over a server of their own. A missing one is an error in CI, and one line on a laptop. */
export function withRedis(what: string, define: () => void): void {
  if (hasRedis()) define();
  else missing('Redis', what);
}

/** Whether `redis-server` is on the path. */
export function hasRedis(): boolean {
  return spawnSync('redis-server', ['--version']).status === 0;
}

export async function startRedis(): Promise<RedisServer> {
  const port = await freePort();
  let server = await launch(port);
  return {
    port,
    pause: () => void server.kill('SIGSTOP'),
    resume: () => void server.kill('SIGCONT'),
    async crash() {
      if (server.exitCode !== null || server.signalCode !== null) return;
      const ended = once(server, 'exit');
      server.kill('SIGKILL');
      await ended;
    },
    async restart() {
      server = await launch(port);
    },
  };
}

async function launch(port: number): Promise<ChildProcess> {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', args, {
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  for await (const chunk of server.stdout) {
    output += String(chunk);
    if (output.includes('Ready to accept connections')) break;
  }
  return server;
}
