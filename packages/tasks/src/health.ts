/** How the jobs are, apart from the engine that keeps them. */
import type { HealthReport } from '@org/core';

import type { Counts } from './engine.ts';
import type { RunnableTask } from './runner.ts';

/** Of what may wait, so much is a warning. */
const MUCH = 0.8;

/** `warn` where handlers hang, or nearly as many wait as may. */
export function healthOf(
  tasks: readonly RunnableTask[],
  counts: (task: string) => Counts,
  maxWaiting: number,
): HealthReport {
  const hung = tasks.filter(({ numbers }) => numbers.hung > 0).map(({ name }) => name);
  if (hung.length > 0) {
    return {
      status: 'warn',
      detail: `handlers do not end when their signal aborts: ${hung.join(', ')}`,
    };
  }
  let all = 0;
  for (const { name } of tasks) {
    const { waiting, delayed } = counts(name);
    all += waiting + delayed;
  }
  return all > MUCH * maxWaiting
    ? { status: 'warn', detail: `${all} jobs wait, of ${maxWaiting} that may` }
    : { status: 'pass' };
}
