/**
 * A job runs once, whichever process has taken it; and where a process dies at work, its jobs are
 * done by the others. Then they have begun twice: their fencing token says so, which is how often
 * a job was handed out.
 */
import { type Job, Queue } from 'bullmq';

import { ask } from '../ask.ts';
import { type Check, inMs, inParallel, until } from '../check.ts';
import { type Fleet, keyOf, OWNERS } from '../fleet.ts';
import type { ServiceProcess } from '../process.ts';

/** Jobs that a process works on at once, as `trip-route` says. */
const AT_ONCE = 2;
const OWNER = OWNERS[0]!;
const LOOK_EVERY_MS = 25;
/** A thousand completed jobs are kept, and these are counted by looking at them. */
const MOST_JOBS = 500;

export const jobs: Check = async (fleet) => {
  const count = Math.min(MOST_JOBS, Math.ceil(fleet.size.requests / 10));
  const trips = await tripsOf(fleet, count, 10);
  return watching(fleet, async (queue) => {
    await order(fleet.processes, trips);
    const { completed, begun, tookMs } = await finished(queue, trips);
    return {
      check: 'a job runs once',
      done: `${count} jobs, each asked for twice through different processes`,
      expected: `${count} completed, begun ${count} times`,
      seen: `${completed} completed, begun ${begun} times, ${inMs(tookMs)} after the last was asked for`,
      holds: completed === count && begun === count,
    };
  });
};

export const jobsOfTheDead: Check = async (fleet) => {
  const { processes } = fleet;
  const count = Math.min(MOST_JOBS, Math.ceil(fleet.size.requests / 20));
  const trips = await tripsOf(fleet, count, 100);
  return watching(fleet, async (queue) => {
    const victim = processes.at(-1)!;
    await order(processes.slice(0, -1), trips);
    // Everybody is at work, the victim too.
    await until(async () => (await queue.getActiveCount()) === processes.length * AT_ONCE, 1);
    await fleet.end(victim, 'SIGKILL');
    const { completed, begun, tookMs } = await finished(queue, trips);
    await fleet.start();
    const again = begun - count;
    return {
      check: 'a killed process loses no job',
      done: `${count} jobs, one of ${fleet.size.processes} processes killed at work`,
      expected: `${count} completed, at most ${AT_ONCE} begun again`,
      seen: `${completed} completed, ${again} begun again, ${inMs(tookMs)} after`,
      holds: completed === count && again <= AT_ONCE,
    };
  });
};

async function watching<T>(
  { redisUrl, sql }: Fleet,
  look: (queue: Queue) => Promise<T>,
): Promise<readonly T[]> {
  const { port } = new URL(redisUrl);
  const queue = new Queue('trip-route', {
    prefix: 'tasks',
    connection: { host: '127.0.0.1', port: Number(port) },
  });
  try {
    return [await look(queue)];
  } finally {
    await queue.close();
    await sql.query(`delete from trips where name = 'to be routed'`);
  }
}

/** Trips through as many cities, straight into the database; their ids. */
async function tripsOf({ sql }: Fleet, count: number, stops: number): Promise<readonly string[]> {
  const { rows } = await sql.query<{ id: string }>(
    `with made as (
       insert into trips (owner, name) select $1, 'to be routed' from generate_series(1, $2)
       returning id
     ), stops as (
       insert into trip_stops (trip_id, position, city_id, arrives_on, leaves_on)
       select made.id, city.position, city.id, '2027-01-01', '2027-01-01'
       from made, (select id, row_number() over (order by id) - 1 as position from cities limit $3) city
     ) select id from made`,
    [OWNER, count, stops],
  );
  return rows.map(({ id }) => id);
}

/** Asks for the route of each, twice, through two processes at once. */
async function order(
  processes: readonly ServiceProcess[],
  trips: readonly string[],
): Promise<void> {
  await inParallel(trips.length * 2, 10, async (at) => {
    const { url } = processes[at % processes.length]!;
    const trip = trips[Math.floor(at / 2)]!;
    let status = 0;
    // Redis may be late on a busy machine, which is a 503: asked for again, it is the same job.
    await until(async () => {
      ({ status } = await ask(`${url}/api/trips/${trip}/route`, {
        method: 'POST',
        key: keyOf(OWNER),
      }));
      return status !== 503;
    }, LOOK_EVERY_MS);
    if (status !== 202) throw new Error(`a route was answered ${status}`);
  });
}

/** Waits until all are done, and counts in Redis how often they were begun. */
async function finished(queue: Queue, trips: readonly string[]) {
  const ours = new Set(trips);
  const done = async (): Promise<readonly Job[]> =>
    (await queue.getJobs(['completed'], 0, -1)).filter(({ id }) => ours.has(id!.split('@')[0]!));
  const tookMs = await until(async () => (await done()).length >= trips.length, LOOK_EVERY_MS);
  const completed = await done();
  const begun = completed.reduce((sum, { attemptsStarted }) => sum + attemptsStarted, 0);
  return { completed: completed.length, begun, tookMs };
}
