/** The service as its users run it: a process of its own, asked through a socket. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** An answer as tests look at it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}

/** Members that bodies of this API have. */
export interface Body {
  readonly items: readonly Item[];
  readonly next: string | null;
  readonly [name: string]: unknown;
}

export interface Item {
  readonly id: number;
  readonly [name: string]: unknown;
}

export interface Service {
  readonly url: string;
  readonly process: ChildProcess;
  /** What it has printed so far. */
  output(): string;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  send(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
  /** Asks it to end; resolves to its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Enough for tests, and on both sides of the 180th meridian. All tests are one client: limits have tests of their own. */
export const PART: Readonly<Record<string, string>> = Object.freeze({
  MIN_POPULATION: '2000',
  ONLY_COUNTRIES: 'AR,BR,FJ,NZ,RU',
  ENABLE_RATE_LIMIT: 'false',
  // Whoever asks for a statement again and again from one line is found out here.
  N_PLUS_ONE: 'throw',
  // Without one, a database that outlives the process is warned of.
  ANALYTICS_SECRET: 'a-secret-of-the-tests-alone',
});

/** Whoever asks for two hundred trips at once has them made, however slow the machine: what is refused under load has tests of its own. */
export const UNQUEUED: Readonly<Record<string, string>> = Object.freeze({
  ...PART,
  ENABLE_QUEUE: 'false',
  REQUEST_TIMEOUT: '240',
});

const FOLDER = join(__dirname, '..');

/** Starts the process, and does not wait for it. */
export function launch(env: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', '--conditions=@org/source', 'src/index.ts'], {
    cwd: FOLDER,
    env: { PATH: process.env.PATH, PORT: '0', HOST: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Starts the service and waits until it listens. */
export async function start(env: Readonly<Record<string, string>>): Promise<Service> {
  const child = launch(env);
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      output += chunk.toString();
      const [, port] = /^places and trips: http:\/\/localhost:(\d+)$/m.exec(output) ?? [];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`);
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('exit', (code) => reject(new Error(`ended with ${code}:\n${output}`)));
  });

  const send: Service['send'] = async (method, path, body, headers = {}) => {
    const response = await fetch(url + path, {
      method,
      redirect: 'manual',
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (isJson && text !== '' ? JSON.parse(text) : {}) as Body,
    };
  };

  return {
    url,
    process: child,
    output: () => output,
    send,
    get: (path, headers) => send('GET', path, undefined, headers),
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = once(child, 'exit');
      child.kill(signal);
      // One that does not end must not outlive the tests; it has no exit code then.
      const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await ended;
      clearTimeout(late);
      return child.exitCode;
    },
  };
}
