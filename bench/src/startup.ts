/** What a start costs: from the spawn of the process to the first good answer. */
import { writeFileSync } from 'node:fs';
import type { Runtime } from './machine.ts';
import type { Sample } from './round.ts';
import { ServerProcess } from './server-process.ts';
import type { Figure } from './table.ts';

export const STARTUP_FIGURES: readonly Figure[] = [
  { key: 'cpuMs', title: 'CPU ms', digits: 0 },
  { key: 'firstAnswerMs', title: 'ms to first answer', digits: 0 },
];

const DROP_CACHES = '/proc/sys/vm/drop_caches';

/** One start. `cold`: with nothing of any file in the machine's memory. */
export async function measureStartup(
  server: string,
  runtime: Runtime,
  cold: boolean,
): Promise<Sample> {
  if (cold) dropPageCache();
  const begin = performance.now();
  const running = await ServerProcess.start(server, runtime);
  try {
    const answer = await fetch(running.url, { headers: { connection: 'close' } });
    await answer.arrayBuffer();
    const firstAnswerMs = performance.now() - begin;
    if (!answer.ok) throw new Error(`the first answer of ${server} was ${answer.status}`);
    const { cpuMicros, rssBytes } = await running.usage();
    return { cpuMs: cpuMicros / 1000, firstAnswerMs, rssBytes };
  } finally {
    await running.stop();
  }
}

/** @throws {Error} where the system does not let us: only root of a machine of its own may. */
function dropPageCache(): void {
  try {
    writeFileSync(DROP_CACHES, '3');
  } catch (error) {
    throw new Error(`--cold needs to write to ${DROP_CACHES}, and may not; leave it out`, {
      cause: error,
    });
  }
}
