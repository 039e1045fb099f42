/** What is checked of several processes, and how it is told. */
import { setTimeout as delay } from 'node:timers/promises';

import type { Fleet } from './fleet.ts';

/** One line of the table. */
export interface Finding {
  readonly check: string;
  readonly done: string;
  readonly expected: string;
  readonly seen: string;
  readonly holds: boolean;
}

/** Does something to the processes, and looks. Throws where it cannot even be looked at. */
export type Check = (fleet: Fleet) => Promise<readonly Finding[]>;

/** How long anything may take until it counts as not happening. */
const PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 5;

/** Looks again until it is so; says after how many ms, or nothing where it never was. */
export async function until(
  isSo: () => Promise<boolean> | boolean,
  everyMs: number = LOOK_EVERY_MS,
): Promise<number | undefined> {
  const sinceMs = performance.now();
  while (performance.now() - sinceMs < PATIENCE_MS) {
    if (await isSo()) return performance.now() - sinceMs;
    await delay(everyMs);
  }
  return undefined;
}

/** Runs `work` for 0 to `count - 1`, so many at a time. */
export async function inParallel<T>(
  count: number,
  atOnce: number,
  work: (at: number) => Promise<T>,
): Promise<T[]> {
  const answers: T[] = Array.from({ length: count });
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const at = next++;
      answers[at] = await work(at);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
  return answers;
}

/** How often each value came: `200 × 180, 429 × 420`. */
export function tally(values: readonly (string | number)[]): string {
  const counts = new Map<string | number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts]
    .toSorted(([one], [other]) => String(one).localeCompare(String(other)))
    .map(([value, count]) => `${value} × ${count}`)
    .join(', ');
}

/** Rounded, with its unit. */
export function inMs(ms: number | undefined): string {
  return ms === undefined ? `not within ${PATIENCE_MS / 1000} s` : `${ms.toFixed(0)} ms`;
}
