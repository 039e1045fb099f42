/** A process of ours that can be killed, and begun anew. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export class Child {
  /** What it has written to its error output. */
  errors: string = '';
  private readonly script: string;
  private readonly env: Readonly<Record<string, string>>;
  private current: ChildProcess | undefined = undefined;
  private port: number = 0;

  /** @param script a file of `processes/`, which sends the port that it listens at */
  constructor(script: string, env: Readonly<Record<string, string>>) {
    this.script = script;
    this.env = env;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get isAlive(): boolean {
    return this.current?.exitCode === null && this.current.signalCode === null;
  }

  async start(): Promise<void> {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--conditions=@org/source', `src/processes/${this.script}.ts`],
      {
        cwd: join(process.cwd(), 'faults'),
        env: { PATH: process.env['PATH'], ...this.env },
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      },
    );
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    child.stderr!.on('data', (data: Buffer) => (this.errors += data.toString()));
    const gone = once(child, 'exit').then(() => {
      throw new Error(`${this.script} has ended:\n${this.errors}`);
    });
    const [message] = (await Promise.race([once(child, 'message'), gone])) as [{ port: number }];
    gone.catch(() => undefined);
    this.port = message.port;
    this.current = child;
  }

  /** Waits until it has told its parent something. */
  async message(told: string): Promise<void> {
    const [message] = (await once(this.current!, 'message')) as [{ told?: string }];
    if (message.told !== told) throw new Error(`It tells ${JSON.stringify(message)}.`);
  }

  async kill(): Promise<void> {
    const child = this.current;
    if (child === undefined || !this.isAlive) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}
