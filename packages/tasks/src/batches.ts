/**
 * Gathers jobs for a handler that takes several: as many as fit, or as have come when the first has
 * waited long enough; and no more batches at once than the task may have.
 */
import type { Cancel, Clock } from '@org/core';

import type { Execution } from './job.ts';

/** How they are gathered. */
export interface BatchesSettings {
  readonly clock: Clock;
  readonly size: number;
  readonly windowMs: number;
  readonly concurrency: number;
  /** Works on a batch; whose jobs leave one by one. */
  readonly begin: (executions: readonly Execution[]) => void;
}

/** The jobs of one task that wait to be worked on together. */
export class Batches {
  private readonly settings: BatchesSettings;
  private gathered: Execution[] = [];
  private active: number = 0;
  private cancel: Cancel | undefined = undefined;
  private isOver: boolean = false;

  constructor(settings: BatchesSettings) {
    this.settings = settings;
  }

  add(execution: Execution): void {
    this.gathered.push(execution);
    if (this.gathered.length >= this.settings.size) this.begin();
    else this.open();
  }

  /** Takes one out that is still gathered. */
  take(execution: Execution): boolean {
    const at = this.gathered.indexOf(execution);
    if (at === -1) return false;
    this.gathered.splice(at, 1);
    if (this.gathered.length === 0) this.shut();
    return true;
  }

  /** A job of a batch is over, or given up on: with the last one, another batch may begin. */
  leave({ batch }: Execution): void {
    if (batch === undefined || --batch.left > 0) return;
    this.active--;
    this.begin();
  }

  private open(): void {
    this.cancel ??= this.settings.clock.after(this.settings.windowMs, () => {
      this.cancel = undefined;
      this.isOver = true;
      this.begin();
    });
  }

  private shut(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.isOver = false;
  }

  private begin(): void {
    const { size, concurrency, begin } = this.settings;
    while (this.active < concurrency && (this.gathered.length >= size || this.isOver)) {
      this.shut();
      const executions = this.gathered.splice(0, size);
      if (executions.length === 0) return;
      if (this.gathered.length > 0) this.open();
      this.active++;
      const batch = { left: executions.length };
      for (const execution of executions) execution.batch = batch;
      begin(executions);
    }
  }
}
