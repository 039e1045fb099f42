/** How a job comes to its engine: by hand or by a schedule, with what the request carries that asks for it. */
import { type Clock, hasCode, type Propagator } from '@org/core';

import type { Engine, LeasedJob } from './engine.ts';
import type { TaskEvent } from './events.ts';
import type { RunnableTask } from './runner.ts';
import { Handle, type JobDesk, type JobHandle } from './task.ts';
import type { AddOptions } from './task-options.ts';

/** What jobs are added with. */
export interface AddingSettings {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly propagator: () => Propagator | undefined;
  /** What the handles of jobs ask. */
  readonly desk: JobDesk;
  readonly tell: (type: TaskEvent['type'], task: string, id: string) => void;
}

/** Adds one job; `run` is that of the schedule that adds it. Its data is encoded already. */
export type Keep = (
  task: RunnableTask,
  id: string,
  data: string,
  options?: AddOptions,
  run?: LeasedJob['schedule'],
) => Promise<JobHandle>;

/** Makes what adds jobs to an engine that is up. */
export function adding({ engine, clock, propagator, desk, tell }: AddingSettings): Keep {
  function carrierOf(from: AddOptions['from']): Record<string, unknown> | undefined {
    const carrying = propagator();
    if (carrying === undefined || (from === undefined && !carrying.carries)) return undefined;
    const carrier = carrying.inject({}, from);
    for (const _ in carrier) return carrier;
    return undefined;
  }

  return async function keep(
    { name: type, numbers, settings },
    id,
    data,
    { id: named, delayMs = 0, priority = settings.priority, dedup, from } = {},
    run,
  ) {
    const addedAt = clock.now();
    const waitMs = dedup?.mode === 'debounce' ? Math.max(delayMs, dedup.waitMs ?? 0) : delayMs;
    try {
      const answer = engine.add({
        id,
        isNamed: run !== undefined || named !== undefined,
        type,
        data,
        carrier: carrierOf(from),
        priority,
        addedAt,
        dueAt: run?.at ?? (waitMs > 0 ? addedAt + waitMs : 0),
        dedup,
        schedule: run,
      });
      const added = answer instanceof Promise ? await answer : answer;
      if (added.outcome === 'added') numbers.added++;
      else numbers.deduplicated++;
      tell(added.outcome, type, added.id);
      return new Handle(desk, type, added);
    } catch (error) {
      numbers.refused++;
      if (hasCode(error, 'ERR_TASKS_FULL')) tell('refused', type, id);
      throw error;
    }
  };
}
