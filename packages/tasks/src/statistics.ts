/** The numbers of all tasks and of each, as one document. */
import type { Stats } from '@org/core';

import type { Counts } from './engine.ts';
import type { RunnableTask } from './runner.ts';

/** What the document is made of. */
export interface StatsSource {
  readonly engine: string;
  readonly tasks: readonly RunnableTask[];
  readonly counts: (task: string) => Counts;
  readonly takenOver: number;
  readonly evicted: number;
  /** Numbers of the log. */
  readonly log: Stats | undefined;
}

/** Numbers of tasks that are added up. */
const SUMS = [
  'waiting',
  'delayed',
  'active',
  'dead',
  'hung',
  'addedTotal',
  'deduplicatedTotal',
  'refusedTotal',
  'completedTotal',
  'failedTotal',
  'retriedTotal',
  'deadTotal',
  'returnedTotal',
  'timedOutTotal',
  'hungTotal',
] as const;

type Sums = { readonly [K in (typeof SUMS)[number]]: number };

/** The document. */
export function statsOf({ engine, tasks, counts, takenOver, evicted, log }: StatsSource): Stats {
  const types = tasks.map((task) => ({ ...sumsOf(task, counts(task.name)), task }));
  const sums = Object.fromEntries(
    SUMS.map((name) => [name, types.reduce((sum, type) => sum + type[name], 0)]),
  );
  return {
    engine,
    ...sums,
    takenOverTotal: takenOver,
    evictedTotal: evicted,
    ...(log === undefined ? {} : { log }),
    types: types.map(({ task, ...own }) => ({
      name: task.name,
      ...own,
      waitMs: task.numbers.waitMs.percentiles(),
      runMs: task.numbers.runMs.percentiles(),
    })),
  };
}

function sumsOf({ numbers }: RunnableTask, { waiting, delayed, active, dead }: Counts): Sums {
  return {
    waiting,
    delayed,
    active,
    dead,
    hung: numbers.hung,
    addedTotal: numbers.added,
    deduplicatedTotal: numbers.deduplicated,
    refusedTotal: numbers.refused,
    completedTotal: numbers.completed,
    failedTotal: numbers.failed,
    retriedTotal: numbers.retried,
    deadTotal: numbers.dead,
    returnedTotal: numbers.returned,
    timedOutTotal: numbers.timedOut,
    hungTotal: numbers.hungTotal,
  };
}
