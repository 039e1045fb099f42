/** The options of BullMQ, and what its parts are connected by. */
import { durationMs, type Given, resolveOptions, text } from '@org/core';

/** What BullMQ is told. */
export interface BullmqOptions {
  /** Redis (`redis:`, `rediss:`) or Postgres (`postgres:`). @default "redis://127.0.0.1:6379" */
  readonly url: string;
  /** Before the keys of Redis; services that share one need different ones. @default "tasks" */
  readonly prefix: string;
  /** Of Postgres: the schema that BullMQ makes its tables in. @default "bullmq" */
  readonly schema: string;
  /** How long a worker that does not answer keeps a job, in ms; while it does, it renews that. @default 30_000 */
  readonly lockMs: number;
  /** The longest that a call may take, in ms. @default 5000 */
  readonly timeoutMs: number;
}

const DEFAULTS: Readonly<BullmqOptions> = Object.freeze<BullmqOptions>({
  url: 'redis://127.0.0.1:6379',
  prefix: 'tasks',
  schema: 'bullmq',
  lockMs: 30_000,
  timeoutMs: 5000,
});

const WORD = text({ expected: 'letters, digits, hyphens and underscores', pattern: /^[\w-]+$/ });

/** Connections to Postgres of each queue and of each worker. */
const PG_CONNECTIONS = 4;

/** How long nothing may come through a connection to Redis that something is asked of, in ms: BullMQ has it wait for a job for at most 10 s. */
const SILENT_MS = 15_000;

/** The options to work with. @throws OptionError for unknown or wrong options */
export function resolveBullmqOptions(
  options: Given<BullmqOptions> | undefined,
): Readonly<BullmqOptions> {
  return resolveOptions(
    'tasks: bullmq',
    DEFAULTS,
    {
      url: text({
        expected: 'an address of Redis or Postgres',
        pattern: /^(?:rediss?|postgres(?:ql)?):\/\//,
      }),
      prefix: WORD,
      schema: WORD,
      lockMs: durationMs({ min: 1000 }),
      timeoutMs: durationMs({ min: 1 }),
    },
    options,
  );
}

export function isPostgres({ url }: BullmqOptions): boolean {
  return url.startsWith('postgres');
}

/** What every queue and worker is connected by. */
export function connectionOf(settings: BullmqOptions): object {
  const { url, schema, prefix } = settings;
  return {
    prefix,
    connection: isPostgres(settings)
      ? { connectionString: url, schema, max: PG_CONNECTIONS, migrate: true }
      : { url, maxRetriesPerRequest: null, socketTimeout: SILENT_MS },
  };
}
