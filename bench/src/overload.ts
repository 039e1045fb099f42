/**
 * What is left of a service that is asked for more than it can do. Its capacity is what the bare
 * server does with as many clients as its pool has slots, none of whom asks again before it has its
 * answer; then requests come at once, twice and five times that rate, from clients who do not care,
 * and at last at half of it: does it come back?
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { pinned, type Runtime } from './machine.ts';
import type { OpenPlan, OpenResult } from './open-load.ts';
import { median, type Sample } from './round.ts';
import { ServerProcess } from './server-process.ts';
import { SLOTS } from './servers/work.ts';
import type { Figure } from './table.ts';
import { load } from './throughput.ts';

export const OBJECTIVE_MS = 200;
export const PATIENCE_MS = 1000;

export const OVERLOAD_FIGURES: readonly Figure[] = [
  { key: 'good1Percent', title: 'good at 1×, %', digits: 0, alone: true },
  { key: 'good2Percent', title: 'at 2×', digits: 0, alone: true },
  { key: 'good5Percent', title: 'at 5×', digits: 0, alone: true },
  { key: 'p99Ms', title: 'p99 ms at 5×', digits: 0, alone: true },
  { key: 'refusedP99Ms', title: 'refused p99 ms', digits: 0, alone: true },
  { key: 'timedOut', title: 'given up', digits: 0, alone: true },
  { key: 'urgentPercent', title: 'urgent good, %', digits: 1, alone: true },
  { key: 'recoveredPercent', title: 'good again at ½×, %', digits: 1, alone: true },
];

/** One in so many requests is urgent. */
const URGENT_EVERY = 20;
/** How long the service may take to come back. */
const RECOVERY_SECONDS = 2;

/** Answers a second of the bare server. */
export async function capacityOf(server: string, runtime: Runtime, path: string): Promise<number> {
  const running = await ServerProcess.start(server, runtime);
  try {
    const url = running.url + path;
    await load(url, 2, SLOTS, {});
    const rates: number[] = [];
    for (let at = 0; at < 3; at++) rates.push((await load(url, 2, SLOTS, {})).answersPerSecond);
    return median(rates);
  } finally {
    await running.stop();
  }
}

/** A turn of one contender. */
export async function measureOverload(
  server: string,
  runtime: Runtime,
  { path, seconds, capacity }: { path: string; seconds: number; capacity: number },
): Promise<Sample> {
  const running = await ServerProcess.start(server, runtime);
  try {
    const at = (times: number, settleSeconds: number): Promise<OpenResult> =>
      openLoad({
        port: running.port,
        requests: [{ path }],
        perSecond: capacity * times,
        seconds: seconds + settleSeconds,
        settleSeconds,
        objectiveMs: OBJECTIVE_MS,
        patienceMs: PATIENCE_MS,
        urgentEvery: URGENT_EVERY,
        maxConnections: 4000,
      });
    const goodPercent = ({ good }: OpenResult): number => (good / seconds / capacity) * 100;
    // What has never run is not compiled: nobody overloads a service in its first second.
    await at(0.8, 1);
    const once = await at(1, 1);
    const twice = await at(2, 1);
    const five = await at(5, 1);
    const again = await at(0.5, RECOVERY_SECONDS);
    return {
      good1Percent: goodPercent(once),
      good2Percent: goodPercent(twice),
      good5Percent: goodPercent(five),
      p99Ms: five.p99Ms,
      p99At2Ms: twice.p99Ms,
      refusedP99Ms: five.refusedP99Ms,
      timedOut: five.timedOut + five.broken,
      withoutRetryAfter: five.withoutRetryAfter,
      urgentPercent: (five.urgentGood / Math.max(1, five.urgentSent)) * 100,
      recoveredPercent: (again.good / Math.max(1, again.sent)) * 100,
      capacity,
    };
  } finally {
    await running.stop();
  }
}

/** Sends a load from a process of its own. */
export async function openLoad(plan: OpenPlan): Promise<OpenResult> {
  const file = fileURLToPath(new URL('open-load.js', import.meta.url));
  const [command, ...args] = pinned(1, [process.execPath, file]);
  const loading = promisify(execFile)(command, args);
  loading.child.stdin?.end(JSON.stringify(plan));
  return JSON.parse((await loading).stdout) as OpenResult;
}
