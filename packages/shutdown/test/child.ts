/** Starts the fixture's service as a process of its own, and listens to what it says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { ShutdownReport } from '@org/shutdown';

/** A line that the service said. */
export interface Said {
  readonly event: string;
  readonly pid: number;
  readonly port?: number;
  readonly phase?: string;
  readonly code?: number;
  readonly voluntary?: boolean;
  readonly order?: string;
  readonly job?: number;
  readonly report?: ShutdownReport;
}

/** A service in a process of its own. */
export interface Child {
  readonly port: number;
  readonly said: readonly Said[];
  /** What it has written to stderr, such as warnings of Node. */
  complaints(): string;
  readonly process: ChildProcess;
  /** Waits until the service has said what `matches`, `count` times in all. */
  heard(matches: (said: Said) => boolean, count?: number): Promise<Said>;
  /** How the process ended, with the report it gave. */
  readonly ended: Promise<{ code: number | null; signal: string | null; report?: ShutdownReport }>;
}

const alive = new Set<ChildProcess>();

/** Ends what a failed test left behind. */
export function endAll(): void {
  for (const one of alive) one.kill('SIGKILL');
}

export async function startService(
  mode: 'alone' | 'setup' | 'http2' | 'cluster',
  options: object = {},
  hang: boolean = false,
): Promise<Child> {
  const child = spawn(
    process.execPath,
    [
      '--import',
      resolve('node_modules/tsx/dist/esm/index.mjs'),
      '--conditions=@org/source',
      resolve('packages/shutdown/test/fixture/service.ts'),
      JSON.stringify({ mode, options, hang }),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  alive.add(child);
  const said: Said[] = [];
  const waiting = new Set<() => void>();
  const tellAll = (): void => {
    for (const check of waiting) check();
  };
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    said.push(JSON.parse(line) as Said);
    tellAll();
  });
  let isOver = false;
  const ended = new Promise<{
    code: number | null;
    signal: string | null;
    report?: ShutdownReport;
  }>((done) => {
    child.once('close', (code, signal) => {
      isOver = true;
      alive.delete(child);
      const report = said.find(({ event }) => event === 'report')?.report;
      done({ code, signal, ...(report === undefined ? {} : { report }) });
      tellAll();
    });
  });
  const heard: Child['heard'] = (matches, count = 1) =>
    new Promise((done, fail) => {
      const check = (): void => {
        const found = said.filter(matches);
        if (found.length < count && !isOver) return;
        waiting.delete(check);
        if (found.length >= count) done(found.at(-1)!);
        else
          fail(
            new Error(
              `the service ended without it, having said ${JSON.stringify(said)}\n${complaints}`,
            ),
          );
      };
      waiting.add(check);
      check();
    });
  const { port } = await heard(({ event }) => event === 'listening');
  return { port: port!, said, complaints: () => complaints, process: child, heard, ended };
}
