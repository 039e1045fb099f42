/** Where a bench runs: the machine, the Node that serves, and the processors that each side gets. */
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';

/** The Node that runs servers; the load always comes from the one that runs the bench. */
export interface Runtime {
  readonly path: string;
  /** `20.19.5` */
  readonly version: string;
  readonly major: number;
}

/** @throws {Error} where npx cannot bring this version. */
export function runtimeOf(wanted: string | undefined): Runtime {
  const [path, version] =
    wanted === undefined ? [process.execPath, process.versions.node] : broughtByNpx(wanted);
  return { path, version, major: Number(version.split('.')[0]) };
}

/** Servers are not started through npx: it stands between them and us, and in their start. */
function broughtByNpx(wanted: string): [path: string, version: string] {
  if (!/^\d+(?:\.\d+){0,2}$/.test(wanted)) {
    throw new Error(`--node must be a version such as 24 or 22.12.0, but is "${wanted}"`);
  }
  const script = 'process.execPath + "\\n" + process.versions.node';
  const { status, stdout, stderr } = spawnSync('npx', ['-y', `node@${wanted}`, '-p', script], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [path, version] = (stdout ?? '').trim().split('\n');
  if (status !== 0 || path === undefined || version === undefined) {
    throw new Error(`npx could not bring node@${wanted}: ${stderr}`);
  }
  return [path, version];
}

/** Server and load on a processor each, where the machine can do that. */
export const PINNED: boolean =
  availableParallelism() > 1 && spawnSync('taskset', ['-c', '0,1', 'true']).status === 0;

/** The command line of `command`, held to one processor where that is possible. */
export function pinned(cpu: 0 | 1, command: readonly string[]): [string, ...string[]] {
  return (PINNED ? ['taskset', '-c', String(cpu), ...command] : [...command]) as [
    string,
    ...string[],
  ];
}

/** One line on the machine and on how it was shared out. */
export function machine(): string {
  const [first] = cpus();
  const model = first?.model.trim() ?? 'unknown processor';
  const share = PINNED ? 'server and load pinned to one each' : 'nothing pinned';
  return `${availableParallelism()} × ${model}, ${process.platform} ${process.arch}, ${share}`;
}
