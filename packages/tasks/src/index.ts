export { type Backoff, BACKOFF_DEFAULTS, type BackoffFunction } from './backoff.ts';
export { bullmqEngine as bullmq } from './bullmq/bullmq-engine.ts';
export type { BullmqOptions } from './bullmq/options.ts';
export type { DeadJobs } from './dead-jobs.ts';
export type { FsyncPolicy } from './embedded/journal.ts';
export type {
  Added,
  Counts,
  Dedup,
  Engine,
  EngineLimits,
  EnginePort,
  Failure,
  JobState,
  JobView,
  LeasedJob,
  NewJob,
  Outcome,
  Progress,
  ScheduledRun,
  TypePolicy,
} from './engine.ts';
export { type OnTaskEvent, type TaskEvent, type TaskEventType, TASKS_CHANNEL } from './events.ts';
export type { Job } from './job.ts';
export { TASKS_DEFAULTS, type TasksOptions } from './options.ts';
export type { Schedule, ScheduleOptions } from './schedules.ts';
export type { JobHandle, Task, TaskProgress } from './task.ts';
export {
  type AddOptions,
  type BatchHandler,
  type BatchOptions,
  type Handler,
  type SchemaTaskDefinition,
  TASK_DEFAULTS,
  type TaskDefinition,
  type TaskOptions,
} from './task-options.ts';
export { type Tasks, tasks } from './tasks.ts';
