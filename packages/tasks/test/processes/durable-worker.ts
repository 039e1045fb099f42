/**
 * Adds jobs and does them, over and over, until it is killed: `durable-worker <folder> <seed> <fsync>`.
 * It says `added <id>` only once that is promised, and `done <id> <token>` from within the job.
 */
import { writeSync } from 'node:fs';
import { tasks } from '@org/tasks';

const [, , folder = '', seed = '', fsync = 'always'] = process.argv;
const jobs = tasks({
  folder,
  fsync: fsync as 'always',
  // A small log is begun anew often: it is to be killed in the midst of that, too.
  compactBytes: 20_000,
  keepCompleted: 20,
});
// At once, so that what was said was said, however it ends.
const say = (line: string): void => {
  for (;;) {
    try {
      writeSync(1, `${line}\n`);
      return;
    } catch (error) {
      // Whoever listens is slow.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
};
let state = Number(seed);
const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;

const task = jobs.define<{ n: number }>('work', {
  concurrency: 5,
  attempts: 10,
  backoff: { baseMs: 1 },
  handler: async ({ id, attempt, fencingToken }) => {
    if (attempt === 1 && random() < 0.1) throw new Error('once in a while');
    if (random() < 0.3) await new Promise((resolve) => setTimeout(resolve, 5 * random()));
    say(`done ${id} ${fencingToken}`);
  },
});
await jobs.start();
say('up');
if (process.argv[5] !== 'finish') {
  for (let n = 0; ; n++) {
    const handles = await Promise.all(
      Array.from({ length: 1 + Math.floor(10 * random()) }, () =>
        task.add({ n }, random() < 0.2 ? { delayMs: 20 * random() } : {}),
      ),
    );
    for (const { id } of handles) say(`added ${id}`);
    if (random() < 0.2) await new Promise((resolve) => setTimeout(resolve, 3));
  }
}
const idle = setInterval(() => {
  const { waiting, delayed, active } = jobs.stats();
  if (waiting !== 0 || delayed !== 0 || active !== 0) return;
  clearInterval(idle);
  void jobs.close();
}, 10);
