/**
 * The folder of the embedded database. Two processes in one PGlite folder would ruin
 * it, and nothing in PGlite stops them: a lock file does. And a first start that was
 * killed half-way leaves a folder that no longer opens: a mark tells, and the next
 * start begins anew. Only what this app made, and has not finished, is ever removed.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** A data folder that belongs to this process. */
export interface DataFolder {
  /** Where PGlite keeps its files. */
  readonly path: string;
  /** Says that the first load is complete: from here on the folder is kept. */
  complete(): Promise<void>;
  /** Lets others have it. */
  release(): Promise<void>;
}

/**
 * Takes the folder, making it if need be.
 * @throws Error naming the process that has it
 */
export async function takeDataFolder(root: string): Promise<DataFolder> {
  const path = join(root, 'places');
  const lock = join(root, 'places.lock');
  const unfinished = join(root, 'places.unfinished');
  await mkdir(root, { recursive: true });
  await takeLock(lock);
  const unlock = (): void => rmSync(lock, { force: true });
  process.once('exit', unlock);
  if (existsSync(unfinished)) await rm(path, { recursive: true, force: true });
  else if (!existsSync(path)) await writeFile(unfinished, '');
  return {
    path,
    complete: () => rm(unfinished, { force: true }),
    release() {
      process.off('exit', unlock);
      return rm(lock, { force: true });
    },
  };
}

async function takeLock(lock: string): Promise<void> {
  for (;;) {
    try {
      await writeFile(lock, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(await readFile(lock, 'utf8').catch(() => ''));
    if (isAlive(holder)) {
      throw new Error(
        `Process ${holder} uses this data folder already. End it, or choose another folder with DATA_DIR. ` +
          `If that process is not this app, remove ${lock}.`,
      );
    }
    await rm(lock, { force: true });
  }
}

/** In a container the process after a crash often has the number of the one before. */
function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
