/** Jobs on their way to a worker: delayed until they are due, then waiting in the lane of their type. */
import type { Clock } from '@org/core';

import { DueTimes } from '../due-times.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { StoredJob } from './stored-job.ts';

export class WaitingJobs {
  private readonly clock: Clock;
  private readonly dispatcher: Dispatcher;
  private readonly delayed: DueTimes<StoredJob>;
  private stopped: boolean = false;

  constructor(clock: Clock, dispatcher: Dispatcher) {
    this.clock = clock;
    this.dispatcher = dispatcher;
    this.delayed = new DueTimes(
      clock,
      () => clock.now(),
      (job) => {
        dispatcher.lane(job.type).delayed--;
        this.enter(job, 0);
      },
    );
  }

  /** @param waitedMs how long it has waited already */
  add(job: StoredJob, waitedMs: number = 0): void {
    if (job.dueAt <= this.clock.now()) {
      this.enter(job, waitedMs);
      return;
    }
    job.state = 'delayed';
    this.dispatcher.lane(job.type).delayed++;
    if (!this.stopped) this.delayed.add(job, job.dueAt);
  }

  /** Takes one out, if it is here. */
  delete(job: StoredJob): void {
    const lane = this.dispatcher.lane(job.type);
    if (job.state === 'waiting') lane.delete(job);
    else if (job.state === 'delayed' && this.delayed.delete(job)) lane.delayed--;
  }

  /** Has one that is delayed wait until another time. */
  postpone(job: StoredJob, dueAt: number): void {
    job.dueAt = dueAt;
    if (job.state === 'delayed') this.delayed.move(job, dueAt);
  }

  /** Nothing becomes due any more. */
  stop(): void {
    this.stopped = true;
    this.delayed.stop();
  }

  private enter(job: StoredJob, waitedMs: number): void {
    job.state = 'waiting';
    this.dispatcher.lane(job.type).push(job, this.clock.monotonicMs() - waitedMs);
    this.dispatcher.wake();
  }
}
