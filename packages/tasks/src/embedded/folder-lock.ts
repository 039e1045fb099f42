/**
 * One process has a folder. The lock is a file that names its owner; one whose owner has ended,
 * however it ended, is taken over.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { link, mkdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { folderTaken } from '../refusals.ts';

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When the process began, as the system counts it; a number of a process is given again. */
  readonly born: string;
}

/** Nobody takes this long to take a lock over. */
const STALE_TAKEOVER_MS = 10_000;

/**
 * Takes the folder; the answer gives it back.
 * @throws ProblemError `ERR_TASKS_LOCKED` while another process, or another instance, has it
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const lock = join(folder, 'jobs.lock');
  const draft = join(folder, `jobs.lock.${randomUUID()}`);
  // Linked, so that nobody ever sees a lock without its owner.
  await writeFile(draft, JSON.stringify(self()));
  try {
    while (!(await succeeds(link(draft, lock), 'EEXIST'))) await takeOver(folder, lock);
  } finally {
    await rm(draft, { force: true });
  }
  const unlock = (): void => rmSync(lock, { force: true });
  process.once('exit', unlock);
  return () => {
    process.off('exit', unlock);
    return rm(lock, { force: true });
  };
}

/** Takes away a lock whose owner has ended. Of many who try, one looks at a time. */
async function takeOver(folder: string, lock: string): Promise<void> {
  const guard = `${lock}.takeover`;
  if (!(await succeeds(mkdir(guard), 'EEXIST'))) {
    const made = await stat(guard).catch(() => undefined);
    if (made !== undefined && Date.now() - made.mtimeMs > STALE_TAKEOVER_MS) await rmdir(guard);
    else await new Promise((resolve) => setTimeout(resolve, 20));
    return;
  }
  try {
    const text = await readFile(lock, 'utf8').catch(() => undefined);
    if (text === undefined) return;
    const owner = ownerOf(text);
    if (owner !== undefined && isAlive(owner)) {
      throw folderTaken(folder, `process ${owner.pid} on ${owner.host}`);
    }
    await rm(lock, { force: true });
  } finally {
    await rmdir(guard);
  }
}

function self(): Owner {
  return { pid: process.pid, host: hostname(), born: bornOf('self') };
}

function ownerOf(text: string): Owner | undefined {
  try {
    return JSON.parse(text) as Owner;
  } catch {
    return undefined;
  }
}

/** Of another machine nobody can tell: its lock holds until somebody removes it. */
function isAlive({ pid, host, born }: Owner): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = bornOf(pid);
  return now === '' || born === '' || now === born;
}

/** The start of a process in ticks since the machine's, with the machine's own (proc(5)); empty where there is no /proc. */
function bornOf(pid: number | 'self'): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the command may hold anything, brackets too.
    const ticks = text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}:${ticks}`;
  } catch {
    return '';
  }
}

/** Whether it went well; an error of this code says no, others are thrown. */
async function succeeds(work: Promise<unknown>, code: string): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === code) return false;
    throw error;
  }
}
