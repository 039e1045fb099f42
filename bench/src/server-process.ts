/**
 * A server in a process of its own. We talk to it over an IPC channel and not over HTTP, so that
 * asking what it used up costs nothing of what is measured.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { pinned, type Runtime } from './machine.ts';
import type { FromServer, ToServer } from './servers/announce.ts';

/** What the process has used up since it began. */
export interface Usage {
  readonly cpuMicros: number;
  readonly rssBytes: number;
  /** p99 of the event loop's delay since it was last asked for; 0 where nobody looks. */
  readonly loopDelayMs: number;
  /** What requests took within the process, in µs, since it was last asked; 0 where nobody looks. */
  readonly insideMicros: { readonly p50: number; readonly p99: number };
}

const START_TIMEOUT_MS = 60_000;

export class ServerProcess {
  readonly port: number;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.child = child;
    this.port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts `servers/<name>.js`; `logFile` takes the log lines. */
  static async start(
    name: string,
    runtime: Runtime,
    logFile: string = '/dev/null',
  ): Promise<ServerProcess> {
    const file = fileURLToPath(new URL(`servers/${name}.js`, import.meta.url));
    const [command, ...args] = pinned(0, [runtime.path, file]);
    const child = spawn(command, args, {
      // No option and no compile cache of ours may speed one of them up or slow it down.
      env: { PATH: process.env['PATH'], NODE_ENV: 'production', BENCH_LOG: logFile },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    try {
      const { port } = await messageOf(child, 'listening');
      return new ServerProcess(child, port);
    } catch (error) {
      child.kill('SIGKILL');
      throw new Error(`the server ${name} did not start`, { cause: error });
    }
  }

  async usage(): Promise<Usage> {
    return this.ask({ kind: 'usage' }, 'usage');
  }

  /** Has it answer requests without a network; what each cost, in µs of processor time. */
  async drive(path: string, requests: number): Promise<number> {
    const { cpuMicros } = await this.ask({ kind: 'drive', path, requests }, 'driven');
    return cpuMicros;
  }

  /** Not politely: what servers do at their end is none of what is measured. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }

  private ask<K extends FromServer['kind']>(
    question: ToServer,
    kind: K,
  ): Promise<Extract<FromServer, { kind: K }>> {
    const answer = messageOf(this.child, kind);
    this.child.send(question);
    return answer;
  }
}

/** The next message of a kind. */
function messageOf<K extends FromServer['kind']>(
  child: ChildProcess,
  kind: K,
): Promise<Extract<FromServer, { kind: K }>> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer);
      child.off('message', onMessage).off('exit', onExit).off('error', onError);
    };
    const onMessage = (message: unknown): void => {
      if ((message as FromServer).kind !== kind) return;
      settle();
      resolve(message as Extract<FromServer, { kind: K }>);
    };
    const onError = (error: Error): void => {
      settle();
      reject(error);
    };
    const onExit = (code: number | null): void => onError(new Error(`it ended with ${code}`));
    const timer = setTimeout(
      () => onError(new Error(`it did not say "${kind}" in ${START_TIMEOUT_MS} ms`)),
      START_TIMEOUT_MS,
    );
    child.on('message', onMessage).on('exit', onExit).on('error', onError);
  });
}
