/** A clock that stands still until a test moves it. */
import type { Cancel, Clock } from '../clock.ts';

/** A clock under a test's control. */
export interface FakeClock extends Clock {
  /** Moves time on and runs, in order, every task that falls due on the way. */
  advance(byMs: number): void;
  /** How many tasks are waiting; 0 once everything is closed. */
  readonly pending: number;
}

interface Task {
  dueMs: number;
  readonly everyMs: number | undefined;
  readonly run: () => void;
}

/** Makes a clock that starts at `startAt` (ms since the epoch). @default 2026-01-01T00:00:00Z */
export function fakeClock(startAt: number = Date.UTC(2026, 0, 1)): FakeClock {
  const tasks = new Set<Task>();
  let passedMs = 0;

  const add = (delayMs: number, everyMs: number | undefined, run: () => void): Cancel => {
    const task: Task = { dueMs: passedMs + delayMs, everyMs, run };
    tasks.add(task);
    return () => void tasks.delete(task);
  };
  const nextDue = (untilMs: number): Task | undefined => {
    let next: Task | undefined;
    for (const task of tasks) {
      if (task.dueMs <= untilMs && (next === undefined || task.dueMs < next.dueMs)) next = task;
    }
    return next;
  };

  return {
    now: () => startAt + passedMs,
    monotonicMs: () => passedMs,
    after: (delayMs, task) => add(delayMs, undefined, task),
    every: (everyMs, task) => add(everyMs, everyMs, task),
    get pending() {
      return tasks.size;
    },
    advance(byMs) {
      const untilMs = passedMs + byMs;
      for (let task = nextDue(untilMs); task !== undefined; task = nextDue(untilMs)) {
        passedMs = task.dueMs;
        if (task.everyMs === undefined) tasks.delete(task);
        else task.dueMs += Math.max(1, task.everyMs);
        task.run();
      }
      passedMs = untilMs;
    },
  };
}
