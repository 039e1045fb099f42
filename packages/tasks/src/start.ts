/** Brings the engine up: once, however many ask for it, and again where it failed. */
import type { MaybePromise } from '@org/core';

import { tasksClosed } from './refusals.ts';

/** What it takes, in this order; steps that went well are not repeated, but for `ready`. */
export interface StartSteps {
  engine(): MaybePromise<void>;
  /** Makes the tasks known, and plans the schedules. */
  ready(): Promise<void>;
}

/** The start of one engine. */
export class Start {
  private readonly steps: StartSteps;
  private begun: Promise<void> | undefined = undefined;
  private closed: boolean = false;
  /** The engine runs, though perhaps without some of its tasks yet: it has to be closed. */
  hasEngine: boolean = false;
  /** Jobs can be added. */
  isUp: boolean = false;
  /** Why it failed the last time. */
  failure: unknown = undefined;

  constructor(steps: StartSteps) {
    this.steps = steps;
  }

  /** @throws ProblemError `ERR_TASKS_CLOSED` where it would begin after its end */
  begin(): Promise<void> {
    if (this.begun === undefined && this.closed) return Promise.reject(tasksClosed());
    return (this.begun ??= this.bringUp());
  }

  /** Begins no more, and waits for what is being brought up: it cannot be closed before it is there. */
  async end(): Promise<void> {
    this.closed = true;
    await this.begun?.catch(() => undefined);
  }

  private async bringUp(): Promise<void> {
    try {
      if (!this.hasEngine) await this.steps.engine();
      this.hasEngine = this.isUp = true;
      await this.steps.ready();
      this.failure = undefined;
    } catch (error) {
      this.begun = undefined;
      this.isUp = false;
      this.failure = error;
      throw error;
    }
  }
}
