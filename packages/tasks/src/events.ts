/** What the jobs of one `tasks` go through, as it happens. */
import type { Failure } from './engine.ts';

/** What happened to a job. */
export type TaskEventType =
  | 'added'
  | 'dropped'
  | 'replaced'
  | 'refused'
  | 'started'
  | 'progress'
  | 'completed'
  | 'retried'
  | 'dead'
  | 'returned'
  | 'timed-out'
  | 'hung'
  | 'lost'
  | 'evicted';

/** Something happened to a job. */
export interface TaskEvent {
  readonly type: TaskEventType;
  /** The name of its task. */
  readonly task: string;
  readonly id: string;
  /** In ms since the epoch. */
  readonly at: number;
  /** Of `started`, `retried`, `dead`: which attempt. */
  readonly attempt?: number;
  /** Of `completed`: how long the attempt took. */
  readonly durationMs?: number;
  /** Of `retried`: until the next attempt. */
  readonly delayMs?: number;
  /** Of `retried` and `dead`. */
  readonly failure?: Failure;
  /** Of `progress`. */
  readonly ratio?: number;
  /** Of `progress`. */
  readonly detail?: unknown;
}

/** Hears events. What it throws is reported, and changes nothing. */
export type OnTaskEvent = (event: TaskEvent) => void;

/** Name of the diagnostics channel; messages are `TaskEvent`s. */
export const TASKS_CHANNEL = '@org/tasks';
