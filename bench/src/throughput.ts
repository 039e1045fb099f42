/**
 * What a request costs. The primary figure is the processor time of the server per request: unlike
 * requests per second it does not count the time that others on a shared machine took.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { LoadResult } from './load.ts';
import { pinned, type Runtime } from './machine.ts';
import type { Sample } from './round.ts';
import { ServerProcess } from './server-process.ts';
import type { Figure } from './table.ts';

export const THROUGHPUT_FIGURES: readonly Figure[] = [
  { key: 'cpuMicros', title: 'CPU µs/request', digits: 1 },
  { key: 'answersPerSecond', title: 'requests/s', digits: 0 },
];

export interface Turn {
  readonly runtime: Runtime;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly connections: number;
  /** What is asked for. @default "/" */
  readonly path?: string | undefined;
  /** Headers of the requests. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The body of POSTs, each with a new `Idempotency-Key`. @default GETs */
  readonly post?: string | undefined;
}

/** A turn of one contender, in a fresh process: what the last one compiled must not help this one. */
export async function measureThroughput(
  server: string,
  { runtime, seconds, warmUpSeconds, connections, path = '/', headers = {}, post }: Turn,
): Promise<Sample> {
  const running = await ServerProcess.start(server, runtime);
  try {
    const url = running.url + path;
    if (warmUpSeconds > 0) await load(url, warmUpSeconds, connections, headers, post);
    const before = await running.usage();
    const { answers, answersPerSecond, p99Ms } = await load(
      url,
      seconds,
      connections,
      headers,
      post,
    );
    const after = await running.usage();
    return {
      cpuMicros: (after.cpuMicros - before.cpuMicros) / answers,
      answersPerSecond,
      p99Ms,
      rssBytes: after.rssBytes,
    };
  } finally {
    await running.stop();
  }
}

/** Clients who ask again when they have their answer. */
export async function load(
  url: string,
  seconds: number,
  connections: number,
  headers: Readonly<Record<string, string>>,
  post?: string,
): Promise<LoadResult> {
  const file = fileURLToPath(new URL('load.js', import.meta.url));
  const given = [url, String(seconds), String(connections), JSON.stringify(headers)];
  const args = [process.execPath, file, ...given, ...(post === undefined ? [] : [post])];
  const [command, ...rest] = pinned(1, args);
  const { stdout } = await promisify(execFile)(command, rest);
  return JSON.parse(stdout) as LoadResult;
}
