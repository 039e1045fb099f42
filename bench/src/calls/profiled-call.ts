/**
 * A function that does next to nothing, called by itself and profiled: by Node's own `timerify`,
 * whose entries an observer has to sum up, and by ours, which sums up itself.
 */
import { performance, PerformanceObserver } from 'node:perf_hooks';
import { profiler } from '@org/profiler';
import type { Contestant, Contestants } from '../calls.ts';

const CALLS = 1000;

let sum = 0;
const call = (value: number): number => (sum += value);

const { profile } = profiler({ stallMs: false });
const ours = profile(call, 'call');
const outer = profile((value: number) => ours(value), 'outer');
const waits = profile(async (value: number) => call(value), 'waits');

const timerified = performance.timerify(call);
let observedMs = 0;
const observer = new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) observedMs += duration;
});

export const contestants: Contestants = {
  plain: calling(call),
  timerify: {
    calls: CALLS,
    async run() {
      observer.observe({ entryTypes: ['function'] });
      for (let made = 0; made < CALLS; made++) timerified(made);
      // Its entries come in a turn of their own, and are a part of the cost.
      await new Promise((resolve) => setImmediate(resolve));
      observer.disconnect();
      if (observedMs < 0) throw new Error('nothing was observed');
    },
  },
  ours: calling(ours),
  nested: calling(outer),
  'plain-await': awaiting(async (value) => call(value)),
  await: awaiting(waits),
};

function calling(once: (value: number) => number): Contestant {
  return {
    calls: CALLS,
    run() {
      for (let made = 0; made < CALLS; made++) once(made);
    },
  };
}

function awaiting(once: (value: number) => Promise<number>): Contestant {
  return {
    calls: CALLS,
    async run() {
      for (let made = 0; made < CALLS; made++) await once(made);
    },
  };
}
