/**
 * Background jobs: tasks are defined, jobs are added to them, and an engine has them done. It does
 * no work on requests; as a middleware it stands at the edge, where operators look at it while
 * everything behind it is busy. As a component it starts with the service, and drains at its end.
 */
import { randomUUID } from 'node:crypto';
import {
  type Correlated,
  defineMiddleware,
  type Given,
  type HealthReport,
  type Host,
  isPropagator,
  Listeners,
  type Middleware,
  OptionError,
  type Propagator,
  report,
  type Stats,
} from '@org/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';

import { adding } from './adding.ts';
import { Batches } from './batches.ts';
import { bullmqEngine } from './bullmq/bullmq-engine.ts';
import { type EmbeddedEngine, embeddedEngine } from './embedded/embedded-engine.ts';
import { type DeadJobs, deadJobs, shownDead } from './dead-jobs.ts';
import type { Counts, Engine, Progress } from './engine.ts';
import { type TaskEvent, TASKS_CHANNEL } from './events.ts';
import { healthOf } from './health.ts';
import { monitoringRoute } from './monitoring-route.ts';
import { resolveTasksOptions, type TasksOptions } from './options.ts';
import { messageOf, tasksClosed } from './refusals.ts';
import { type RunnableTask, Runner, TaskNumbers } from './runner.ts';
import { type Schedule, type ScheduleOptions, Schedules } from './schedules.ts';
import { Start } from './start.ts';
import { statsOf } from './statistics.ts';
import { encodeData, type JobHandle, ProgressListeners, type Task, validated } from './task.ts';
import { timeLimit } from './time-limit.ts';
import {
  type AddOptions,
  checkAdd,
  resolveTask,
  type SchemaTaskDefinition,
  type TaskDefinition,
} from './task-options.ts';

/** The middleware, and the jobs. */
export interface Tasks extends Middleware {
  /**
   * Defines a task: from now on its jobs are worked on.
   * @throws OptionError for a name that is taken, and for unknown or wrong options
   */
  define<S extends StandardSchemaV1, R = unknown>(
    name: string,
    definition: SchemaTaskDefinition<S, R>,
  ): Task<StandardSchemaV1.InferInput<S>, R>;
  define<D = unknown, R = unknown>(name: string, definition: TaskDefinition<D, R>): Task<D, R>;
  /**
   * Has jobs added by the clock on the wall.
   * @param when a cron pattern, with or without seconds, or a time between runs in ms
   * @throws OptionError for a name that is taken, and for unknown or wrong options
   */
  schedule<I>(
    name: string,
    when: string | number,
    given: Given<ScheduleOptions> & { readonly task: Task<I>; readonly data?: I },
  ): Schedule;
  readonly dead: DeadJobs;
  /** Brings the engine up; `setup` calls it, and the first job or request where nobody has. @throws ProblemError `ERR_TASKS_LOCKED` */
  start(): Promise<void>;
  health(): Promise<HealthReport>;
  stats(): Stats;
  /** Takes no more jobs, and waits for those that run until `signal` aborts or `drainMs` is over; then they are given back. */
  close(signal?: AbortSignal): Promise<void>;
}

/** Dead jobs that the route shows. */
const SHOWN_DEAD = 50;
/** More tasks cannot be told apart from a mistake. */
const MAX_TASKS = 1000;

/** A task with all that belongs to it. */
interface Defined extends RunnableTask {
  readonly progress: ProgressListeners;
  /** The engine could not be told of it: whoever adds a job tells it again. */
  isUntold: boolean;
}

/** Makes the jobs of a service. @throws OptionError for unknown or wrong options */
export function tasks(options?: Given<TasksOptions>): Tasks {
  const settings = resolveTasksOptions(options);
  const { name, clock, works, maxDataBytes, drainMs } = settings;
  const listeners = new Listeners<TaskEvent>(TASKS_CHANNEL, settings.onEvent, 'tasks onEvent');
  const defined = new Map<string, Defined>();
  const engine = engineOf(settings);
  const schedules = new Schedules(clock);
  let closing: Promise<void> | undefined;
  /** A request has come. */
  let asked = false;
  let host: Host | undefined;
  let propagator = settings.propagator;
  let takenOver = 0;
  let evicted = 0;

  const tell = (type: TaskEvent['type'], task: string, id: string, more?: object): void => {
    if (listeners.listening) listeners.tell({ type, task, id, at: clock.now(), ...more });
  };

  /** The correlation may stand in the whole, and may come later than this. */
  const findPropagator = (): Propagator | undefined => {
    propagator ??= host?.components().find(isPropagator);
    return propagator;
  };

  const runner = new Runner({
    clock,
    random: settings.random,
    maxResultBytes: maxDataBytes,
    find: (task) => defined.get(task),
    propagator: findPropagator,
    isDue: (run) => schedules.isDue(run),
    tell(type, { type: task, id, attempt }, more) {
      if (listeners.listening) tell(type, task, id, { attempt, ...more });
    },
    onProgress(execution, progress) {
      const { type, id, leased } = execution;
      tell('progress', type, id, progress);
      engine.progress(type, id, progress, leased.carrier);
      tellProgress(type, id, progress, () => execution.context);
    },
  });

  const start = new Start({
    engine: () =>
      engine.start({
        clock,
        limits: settings,
        run: (job, settle) => runner.run(job, settle),
        onProgress(type, id, progress, carrier) {
          tellProgress(type, id, progress, () => runner.contextOf(carrier));
        },
        onNote(note, type, id) {
          if (note === 'lost') takenOver++;
          else evicted++;
          tell(note, type, id);
        },
      }),
    async ready() {
      await Promise.all([...defined.values()].map(async (task) => engine.define(policyOf(task))));
      await schedules.start();
    },
  });
  const begin = (): Promise<void> => start.begin();

  function tellProgress(
    type: string,
    id: string,
    progress: Progress,
    contextOf: () => Correlated | undefined,
  ): void {
    const to = defined.get(type)?.progress;
    if (to !== undefined && to.size > 0) to.tell({ id, ...progress, context: contextOf() });
  }

  function policyOf({ name: task, settings: { concurrency, batch } }: RunnableTask) {
    return { name: task, slots: works ? concurrency * (batch?.size ?? 1) : 0 };
  }

  function define(task: string, definition: object): Task<never, never> {
    if (typeof task !== 'string' || !/^[\w.-]{1,100}$/.test(task)) {
      throw new OptionError('tasks', [
        `the name of a task must have 1 to 100 letters, digits, dots and hyphens, but is ${JSON.stringify(task)}.`,
      ]);
    }
    if (defined.has(task)) throw new OptionError('tasks', [`there is a task "${task}" already.`]);
    if (defined.size >= MAX_TASKS) {
      throw new OptionError('tasks', [`there are ${MAX_TASKS} tasks already.`]);
    }
    const made = resolveTask(task, definition);
    const numbers = new TaskNumbers();
    const own: Defined = {
      name: task,
      settings: made,
      numbers,
      progress: new ProgressListeners(task),
      isUntold: false,
      batches:
        made.batch === undefined
          ? undefined
          : new Batches({
              clock,
              ...made.batch,
              concurrency: made.concurrency,
              begin: (executions) => void runner.beginBatch(own, executions),
            }),
    };
    defined.set(task, own);
    if (start.isUp) void tellEngine(own).catch(reportFault);
    return {
      name: task,
      add: (data, given) => add(own, data, given) as Promise<JobHandle<never>>,
      find: (id) => desk.find(task, id),
      onProgress(listener) {
        const away = own.progress.add(listener);
        if (engine.watch !== undefined) {
          void begin()
            .then(() => engine.watch?.(task))
            .catch(reportFault);
        }
        return away;
      },
    };
  }

  async function tellEngine(task: Defined): Promise<void> {
    try {
      await engine.define(policyOf(task));
      task.isUntold = false;
    } catch (error) {
      task.isUntold = true;
      throw error;
    }
  }

  async function add(task: Defined, data: unknown, given?: AddOptions): Promise<JobHandle> {
    if (closing !== undefined) throw tasksClosed();
    if (given !== undefined) checkAdd(task.name, given);
    const { schema } = task.settings;
    const value = schema === undefined ? data : await validated(schema, data);
    const text = encodeData(task.name, value, maxDataBytes);
    if (!start.isUp) await begin();
    if (task.isUntold) await tellEngine(task);
    return keep(task, given?.id ?? randomUUID(), text, given);
  }

  const desk = {
    result: async (type: string, id: string) => {
      if (!start.isUp) await begin();
      return engine.result(type, id);
    },
    find: async (type: string, id: string) => {
      if (!start.isUp) await begin();
      return engine.find(type, id);
    },
    cancel: async (type: string, id: string) => {
      if (!start.isUp) await begin();
      return engine.cancel(type, id);
    },
  };

  const keep = adding({ engine, clock, propagator: findPropagator, desk, tell });

  const dead = deadJobs({
    engine,
    maxDead: settings.maxDead,
    begin,
    isClosed: () => closing !== undefined,
  });

  function schedule<I>(
    of: string,
    when: string | number,
    given: Given<ScheduleOptions> & { readonly task: Task<I>; readonly data?: I },
  ): Schedule {
    const { task, data, ...rest } = given ?? {};
    const own = defined.get(task?.name);
    if (own === undefined) {
      throw new OptionError(`tasks: schedule "${of}"`, [
        'option "task" must be a task defined here.',
      ]);
    }
    const text = encodeData(own.name, data, maxDataBytes);
    const idOf = (at: number): string => `${of}@${at}`;
    return schedules.add(
      of,
      when,
      rest,
      (run) => keep(own, idOf(run.at), text, undefined, run),
      (run) => desk.cancel(own.name, idOf(run.at)),
    );
  }

  const counts = (task: string): Counts => (start.isUp ? engine.counts(task) : NO_COUNTS);
  const stats = (): Stats =>
    statsOf({
      engine: engine.name,
      tasks: [...defined.values()],
      counts,
      takenOver,
      evicted,
      log: (engine as Partial<EmbeddedEngine>).logStats?.(),
    });

  const route =
    settings.path === false
      ? undefined
      : monitoringRoute(settings.path, settings.access, {
          async document() {
            await begin();
            await engine.refresh?.();
            return {
              ...stats(),
              schedules: schedules.list(),
              deadJobs: (await engine.dead(undefined, SHOWN_DEAD)).map(shownDead),
            };
          },
          replay: dead.replay,
          discard: dead.discard,
        });

  async function drain(signal: AbortSignal | undefined): Promise<void> {
    await start.end();
    // Only now: what was being brought up has begun them.
    schedules.stop();
    if (!start.hasEngine) return;
    await engine.pause();
    const over = timeLimit(clock, drainMs, signal);
    try {
      await runner.drain(over.signal);
    } finally {
      over.end();
    }
    await engine.close();
  }

  const middleware = defineMiddleware({
    name,
    phase: 'edge',
    priority: 60,
    reason: 'operators see the jobs while everything behind is busy',
    step(exchange) {
      if (!asked) {
        asked = true;
        // One that fails is told once; the next job tries again, and tells who adds it.
        if (closing === undefined) void begin().catch(reportFault);
      }
      return route?.(exchange);
    },
    attach: (given) => void (host = given),
    start: begin,
    health,
    stats,
    close,
  });

  function close(signal?: AbortSignal): Promise<void> {
    return (closing ??= drain(signal));
  }

  async function health(): Promise<HealthReport> {
    if (start.failure !== undefined) {
      return { status: 'fail', detail: messageOf(start.failure) };
    }
    const own = await engine.health?.();
    return own === undefined || own.status === 'pass'
      ? healthOf([...defined.values()], counts, settings.maxWaiting)
      : own;
  }

  return Object.assign(middleware, { define, schedule, dead, start: begin, health, stats, close });
}

const NO_COUNTS: Counts = Object.freeze({ waiting: 0, delayed: 0, active: 0, dead: 0 });

function engineOf(settings: Readonly<TasksOptions>): Engine {
  const { engine, url, cluster, folder } = settings;
  if (engine !== undefined) return engine;
  if (url !== undefined) return bullmqEngine({ url, cluster });
  return embeddedEngine(folder === undefined ? undefined : { ...settings, folder });
}

function reportFault(error: unknown): void {
  report(error, 'tasks');
}
