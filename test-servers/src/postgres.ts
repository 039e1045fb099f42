/**
 * A Postgres server of one test: made of the installed binaries, in a folder of its own, on a free
 * port. Neither outlives the test's process, whatever ends that.
 */
import { execFile, type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';

import { freePort } from './free-port.ts';
import { missing } from './missing.ts';

const exec = promisify(execFile);
const VERSIONS = '/usr/lib/postgresql';
/** What a start may take on a machine that does much else. */
const START_MS = 60_000;

/** Tests over a server of their own. A missing one is an error in CI, and one line on a laptop. */
export function withPostgres(what: string, define: (binaries: string) => void): void {
  const binaries = postgresBinaries();
  if (binaries === undefined) missing('Postgres', what);
  else define(binaries);
}

/** The folder of the installed binaries: those on the path, or the newest that Debian keeps beside it. */
export function postgresBinaries(): string | undefined {
  const onPath = (process.env.PATH ?? '')
    .split(delimiter)
    .find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
  if (onPath !== undefined) return onPath;
  if (!existsSync(VERSIONS)) return undefined;
  return readdirSync(VERSIONS)
    .toSorted((one, other) => Number(other) - Number(one))
    .map((version) => join(VERSIONS, version, 'bin'))
    .find((folder) => existsSync(join(folder, 'initdb')));
}

export interface PostgresServer {
  readonly url: string;
  /** Ends it as a crash would: every connection is cut. */
  crash(): Promise<void>;
  /** Stops it in its tracks, with all of its processes: connections stay, and nothing answers. */
  pause(): void;
  /** Has it go on where it stopped. */
  resume(): void;
  /** Starts it again in the same folder, on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Postgres refuses to run as root, so root runs it as another user. */
interface User {
  readonly uid?: number;
  readonly gid?: number;
}

export async function startPostgres(binaries: string): Promise<PostgresServer> {
  const user = await unprivileged();
  const folder = mkdtempSync(join(tmpdir(), 'test-postgres-'));
  const data = join(folder, 'data');
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const making = exec(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'test', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C.UTF-8'],
    { ...user, cwd: folder },
  );
  let server = making.child;
  const leave = (): void => {
    // Waits until the server has ended, so that nothing writes into the folder any more.
    const stop = ['stop', '-D', data, '-m', 'immediate', '-t', '5'];
    spawnSync(join(binaries, 'pg_ctl'), stop, { ...user, stdio: 'ignore' });
    server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('exit', leave);
  await making;
  const port = await freePort();
  const url = `postgres://test@127.0.0.1:${port}/postgres`;
  const args = ['-D', data, '-p', String(port), '-k', folder, '-h', '127.0.0.1', '-F'];
  await serve();

  function serve(): Promise<void> {
    server = spawn(join(binaries, 'postgres'), args, {
      ...user,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return answering(server, url);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
  }

  return {
    url,
    // SIGQUIT: an immediate shutdown, which cuts connections and recovers at the next start.
    crash: () => end('SIGQUIT'),
    pause: () => signalAll(server.pid!, 'SIGSTOP'),
    resume: () => signalAll(server.pid!, 'SIGCONT'),
    restart: serve,
    async stop() {
      await end('SIGINT');
      process.off('exit', leave);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** To a process and its children; a paused parent has no new ones. */
function signalAll(pid: number, signal: NodeJS.Signals): void {
  process.kill(pid, signal);
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const [, parent] =
        /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8')) ?? [];
      if (Number(parent) === pid) process.kill(Number(name), signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Waits until a server takes connections. */
async function answering(server: ChildProcess, url: string): Promise<void> {
  const latestMs = performance.now() + START_MS;
  let log = '';
  server.stderr!.on('data', (chunk: Buffer) => (log += chunk.toString()));
  for (;;) {
    if (server.exitCode !== null || server.signalCode !== null)
      throw new Error(`postgres ended:\n${log}`);
    if (performance.now() > latestMs) {
      server.kill('SIGKILL');
      throw new Error(`postgres did not answer within ${START_MS} ms:\n${log}`);
    }
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function unprivileged(): Promise<User> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await exec('id', [flag, 'postgres'])).stdout)),
  );
  return { uid: uid!, gid: gid! };
}
