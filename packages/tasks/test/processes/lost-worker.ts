/** A worker that begins a job and never ends it: `lost-worker <url> <prefix>`; says the job's id once it has begun. */
import { bullmq, tasks } from '@org/tasks';

const [, , url = '', prefix = ''] = process.argv;
const jobs = tasks({ engine: bullmq({ url, prefix, lockMs: 1000 }) });
const task = jobs.define('lost', {
  handler: ({ id }) => {
    process.stdout.write(`${id}\n`);
    return new Promise<void>(() => undefined);
  },
});
await jobs.start();
await task.add({});
