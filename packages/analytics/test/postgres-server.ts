/** A Postgres server of one test: made of the installed binaries, in a folder of its own, on a free port. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';

const exec = promisify(execFile);
const VERSIONS = '/usr/lib/postgresql';
const MAX_TRIES = 500;

export interface PostgresServer {
  readonly url: string;
  /** Ends it as a crash would: every connection is cut. */
  crash(): Promise<void>;
  /** Starts it again in the same folder, on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The folder of the newest installed binaries. */
export function postgresBinaries(): string | undefined {
  if (!existsSync(VERSIONS)) return undefined;
  return readdirSync(VERSIONS)
    .toSorted((one, other) => Number(other) - Number(one))
    .map((version) => join(VERSIONS, version, 'bin'))
    .find((folder) => existsSync(join(folder, 'initdb')));
}

export async function startPostgres(binaries: string): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'analytics-postgres-'));
  const data = join(folder, 'data');
  const user = await unprivileged();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const how = ['-D', data, '-U', 'test', '--auth=trust', '--no-sync', '-E', 'UTF8'];
  await exec(join(binaries, 'initdb'), [...how, '--locale=C.UTF-8'], { ...user, cwd: folder });
  const port = await freePort();
  const url = `postgres://test@127.0.0.1:${port}/postgres`;
  const args = ['-D', data, '-p', String(port), '-k', folder, '-h', '127.0.0.1', '-F'];
  let server = await launch();

  async function launch(): Promise<ChildProcess> {
    const launched = spawn(join(binaries, 'postgres'), args, {
      ...user,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await answers(launched, url);
    return launched;
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
    async restart() {
      server = await launch();
    },
    async stop() {
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A server says nothing when it is ready: it is asked until it answers. */
async function answers(server: ChildProcess, url: string): Promise<void> {
  let log = '';
  server.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  for (let tries = 0; ; tries++) {
    // Before the test that waits gives up: then nobody would end it.
    if (tries === MAX_TRIES) server.kill('SIGQUIT');
    if (server.exitCode !== null || tries === MAX_TRIES)
      throw new Error(`postgres does not answer:\n${log}`);
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

/** Postgres refuses to run as root, so root runs it as another user. */
async function unprivileged(): Promise<{ readonly uid?: number; readonly gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await exec('id', [flag, 'postgres'])).stdout)),
  );
  return { uid: uid!, gid: gid! };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
