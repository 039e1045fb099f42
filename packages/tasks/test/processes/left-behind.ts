/** Closes on SIGTERM, and ends when nothing is left of its jobs: `left-behind <url>`. */
import { bullmq, tasks } from '@org/tasks';

const [, , url = ''] = process.argv;
const jobs = tasks({ engine: bullmq({ url, timeoutMs: 2000 }) });
const made = ['one', 'two', 'three'].map((name) => jobs.define(name, { handler: () => undefined }));
await jobs.start();
for (const task of made) {
  await (await task.add({})).result();
  void (await task.add({}, { delayMs: 600_000 })).result().catch(() => undefined);
}
const alive = setInterval(() => undefined, 1000);
process.once('SIGTERM', () => {
  clearInterval(alive);
  void jobs.close();
});
process.stdout.write('up\n');
