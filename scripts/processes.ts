/** What runs below a process. `ps` is not on every machine, and `/proc` is not on every system. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { run } from './run.ts';

export interface RunningProcess {
  readonly pid: number;
  readonly parent: number;
  /** Its arguments, separated by spaces. */
  readonly command: string;
}

/** Every descendant of the process `pid`, children before their own children. */
export function descendantsOf(pid: number): RunningProcess[] {
  const all = existsSync('/proc/self/stat') ? fromProc() : fromPs();
  const below = (parent: number): RunningProcess[] => {
    const children = all.filter((each) => each.parent === parent);
    return [...children, ...children.flatMap((child) => below(child.pid))];
  };
  return below(pid);
}

function fromProc(): RunningProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        // The second field is a name in brackets, which may hold brackets and spaces itself.
        const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return [{ pid: Number(name), parent: Number(parent), command }];
      } catch {
        // It ended while we were looking.
        return [];
      }
    });
}

function fromPs(): RunningProcess[] {
  return run('ps', ['-A', '-o', 'pid=,ppid=,args='], { cwd: '/' })
    .split('\n')
    .flatMap((line) => {
      const [, pid, parent, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return pid === undefined
        ? []
        : [{ pid: Number(pid), parent: Number(parent), command: command ?? '' }];
    });
}
