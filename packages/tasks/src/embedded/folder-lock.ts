/**
 * One process has a folder. The lock is a file that names its owner; one whose owner has ended,
 * however it ended, is taken over.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { link, mkdir, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { folderTaken, lockLost } from '../refusals.ts';

interface Owner {
  /** Of the lock: one instance of one process. */
  readonly id: string;
  readonly pid: number;
  readonly host: string;
  /** When the process began, as the system counts it; a number of a process is given again. */
  readonly born: string;
}

/** Nobody takes this long to take a lock over. */
const STALE_TAKEOVER_MS = 10_000;

/** A folder that was taken. */
export interface FolderLock {
  /** @throws ProblemError `ERR_TASKS_LOCKED` where somebody took the lock away, and perhaps the folder */
  check(): Promise<void>;
  /** Gives it back. */
  release(): Promise<void>;
}

/**
 * Takes the folder.
 * @throws ProblemError `ERR_TASKS_LOCKED` while another process, or another instance, has it
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const lock = join(folder, 'jobs.lock');
  const id = randomUUID();
  const draft = `${lock}.${id}`;
  // Linked, so that nobody ever sees a lock without its owner.
  await writeFile(draft, JSON.stringify(self(id)));
  try {
    while (!(await succeeds(link(draft, lock), 'EEXIST'))) await takeOver(folder, lock);
  } finally {
    await rm(draft, { force: true });
  }
  // Whoever has it by now keeps it.
  const unlock = (): void => {
    if (ownerIn(lock)?.id === id) rmSync(lock, { force: true });
  };
  process.once('exit', unlock);
  return {
    async check() {
      const owner = ownerIn(lock);
      if (owner?.id !== id) throw lockLost(folder, owner && nameOf(owner));
    },
    async release() {
      process.off('exit', unlock);
      unlock();
    },
  };
}

/** Takes away a lock whose owner has ended. Of many who try, one looks at a time. */
async function takeOver(folder: string, lock: string): Promise<void> {
  const guard = `${lock}.takeover`;
  if (!(await succeeds(mkdir(guard), 'EEXIST'))) {
    const made = await stat(guard).catch(() => undefined);
    const isStale = made !== undefined && Date.now() - made.mtimeMs > STALE_TAKEOVER_MS;
    // Another one may have been faster.
    if (isStale) await rmdir(guard).catch(() => undefined);
    else await new Promise((resolve) => setTimeout(resolve, 20));
    return;
  }
  try {
    const owner = ownerIn(lock);
    if (owner !== undefined && isAlive(owner)) throw folderTaken(folder, nameOf(owner));
    await rm(lock, { force: true });
  } finally {
    await rmdir(guard).catch(() => undefined);
  }
}

function self(id: string): Owner {
  return { id, pid: process.pid, host: hostname(), born: bornOf('self') };
}

/** Nobody, where there is no lock, or one that cannot be read. */
function ownerIn(lock: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(lock, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

function nameOf({ pid, host }: Owner): string {
  return `process ${pid} on ${host}`;
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
