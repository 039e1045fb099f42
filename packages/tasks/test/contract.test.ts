import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { tasks, type TasksOptions } from '@org/tasks';

middlewareContract<Partial<TasksOptions>>('tasks', {
  factory: tasks,
  example: { concurrency: 5, maxWaiting: 10, ageingMs: 500 },
  setup,
});
