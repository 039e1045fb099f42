/**
 * What it costs to tell many the same. Every client has to have everything before the next batch is
 * asked for, so that all contenders do the same work, and none gets by with a queue; the figure is
 * processor time of the server for each message that has arrived.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { pinned, type Runtime } from './machine.ts';
import type { Sample } from './round.ts';
import { ServerProcess } from './server-process.ts';
import type { Figure } from './table.ts';

export const BROADCAST_FIGURES: readonly Figure[] = [
  { key: 'cpuMicros', title: 'CPU µs/message', digits: 2 },
];

/** Clients who listen. */
export const LISTENERS = 500;

export interface BroadcastTurn {
  readonly runtime: Runtime;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** What is asked for, which has the server send a batch. */
  readonly path: string;
}

/** A turn of one contender, in a fresh process. */
export async function measureBroadcast(
  server: string,
  { runtime, seconds, warmUpSeconds, path }: BroadcastTurn,
): Promise<Sample> {
  const running = await ServerProcess.start(server, runtime);
  const file = fileURLToPath(new URL('broadcast-load.js', import.meta.url));
  const given = [running.url, path, String(LISTENERS)];
  const [command, ...args] = pinned(1, [process.execPath, file, ...given]);
  const load = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  try {
    await answerOf(load);
    if (warmUpSeconds > 0) await run(load, warmUpSeconds);
    const before = await running.usage();
    const messages = await run(load, seconds);
    const after = await running.usage();
    return { cpuMicros: (after.cpuMicros - before.cpuMicros) / messages };
  } finally {
    load.kill('SIGKILL');
    await running.stop();
  }
}

/** Has the load run; answers how many messages have arrived. */
async function run(load: ChildProcess, seconds: number): Promise<number> {
  const answer = answerOf(load);
  load.send(seconds);
  return answer;
}

async function answerOf(load: ChildProcess): Promise<number> {
  const gone = once(load, 'exit').then(() => {
    throw new Error('the load has ended');
  });
  gone.catch(() => undefined);
  const [answer] = (await Promise.race([once(load, 'message'), gone])) as [number];
  return answer;
}
