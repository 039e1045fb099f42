/** A Redis server of one test, in memory and on a free port. */
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';

import { type ChildServer, startChild } from './child-server.ts';
import { freePort } from './free-port.ts';
import { missing } from './missing.ts';

export interface RedisServer extends ChildServer {
  readonly port: number;
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

/** Starts a server; `more` are arguments such as `['--requirepass', 'x']`. */
export async function startRedis(more: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const start = (): Promise<ChildServer> => launch([...args, ...more], tmpdir());
  let server = await start();
  return {
    port,
    pause: () => server.pause(),
    resume: () => server.resume(),
    crash: () => server.crash(),
    async restart() {
      server = await start();
    },
  };
}

export function launch(args: readonly string[], folder: string): Promise<ChildServer> {
  return startChild('redis-server', args, folder, 'Ready to accept connections');
}
