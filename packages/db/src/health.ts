/**
 * How the database is. One that is at work needs no question: while statements succeed, a full pool is
 * a warning, and the check does not wait in its line behind everybody else.
 */
import type { Clock, HealthReport } from '@org/core';

import type { ConnectionSource } from './driver.ts';
import type { Engine } from './engine.ts';
import { describeHolder } from './holder.ts';
import type { PoolWatch } from './pool-watch.ts';

/** So long a success speaks for the database, in ms. */
const RECENT_MS = 10_000;
/** On a single connection somebody waits at any load; so many who wait are a queue. */
const QUEUE = 10;
/** A forecast nearer than this is worth a warning, in ms. */
const SOON_MS = 60_000;

/** Asks the database, or its pool. */
export async function databaseHealth(
  engine: Engine,
  source: ConnectionSource,
  watch: PoolWatch | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<HealthReport> {
  const { capacity, waiting } = source;
  const isFull = source.idle === 0 && waiting >= (capacity === 1 ? QUEUE : 1);
  if (isFull && clock.monotonicMs() - engine.answeredMs < RECENT_MS) {
    return {
      status: 'warn',
      detail: `all ${capacity} connections are in use, and ${waiting} wait. ${describeHolder(watch, 'The longest is')}`,
    };
  }
  const asked = await Promise.race([ask(engine), gaveUp(signal)]);
  return asked ?? poolHealth(watch, capacity);
}

function poolHealth(watch: PoolWatch | undefined, capacity: number): HealthReport {
  if (watch === undefined) return { status: 'pass' };
  const { orphans, saturatesInMs } = watch;
  if (orphans > 0) {
    const [leak] = watch.leaks.filter(({ kind }) => kind === 'orphaned');
    return {
      status: 'warn',
      detail: `${orphans} connections are orphaned; the oldest by ${leak?.method} ${leak?.route ?? 'without a route'}, ${leak?.line ?? 'at a line not known yet'}`,
    };
  }
  if (capacity > 1 && saturatesInMs !== undefined && saturatesInMs < SOON_MS) {
    return {
      status: 'warn',
      detail:
        saturatesInMs === 0
          ? 'the pool is full'
          : `the pool will be full in ${Math.round(saturatesInMs / 1000)} s, if things go on as they do`,
    };
  }
  return { status: 'pass' };
}

/** Nothing where it answers. */
async function ask(engine: Engine): Promise<HealthReport | undefined> {
  try {
    const lease = await engine.lease({ exchange: undefined, site: undefined });
    try {
      await engine.run(lease, { statement: { text: 'select 1' }, site: undefined });
    } finally {
      lease.giveBack();
    }
    return undefined;
  } catch (error) {
    return { status: 'fail', detail: error instanceof Error ? error.message : String(error) };
  }
}

function gaveUp(signal: AbortSignal): Promise<HealthReport> {
  return new Promise((resolve) => {
    const late = (): void => resolve({ status: 'fail', detail: 'the database did not answer' });
    if (signal.aborted) late();
    else signal.addEventListener('abort', late, { once: true });
  });
}
