/**
 * What the environment tells the service: the family's own table of settings, and
 * these rows beside it. Whatever is wrong is named at once, before anything starts.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Config,
  defineSettings,
  loadConfig,
  type LoadOptions,
  type StandardValues,
} from '@org/config';

import { bullmq, type TasksOptions } from '@org/tasks';

import type { DatabaseSettings } from './database/database.ts';

/** Keys for trying the service out. Whoever deploys it sets API_KEYS. */
export const DEMO_API_KEYS: ReadonlyMap<string, string> = new Map([
  ['demo-key-of-ada', 'ada'],
  ['demo-key-of-ibn', 'ibn'],
]);

/** Signs cursors for trying the service out. Whoever deploys it sets CURSOR_SECRET. */
export const DEMO_CURSOR_SECRET = 'signs the cursors of the demo';

/** Hashes the consumers for trying the service out. Whoever deploys it sets ANALYTICS_SECRET. */
export const DEMO_ANALYTICS_SECRET = 'hashes the consumers of the demo';

const OWN = defineSettings({
  HOST: {
    type: 'text',
    help: 'The address to listen at; all of them when absent.',
  },
  DATA_DIR: {
    type: 'text',
    default: fileURLToPath(new URL('../.data', import.meta.url)),
    help: 'The folder of the embedded database and of the jobs; ":memory:" keeps nothing.',
  },
  MIN_POPULATION: {
    type: 'integer',
    default: 0,
    min: 0,
    help: 'Smaller cities are not loaded.',
  },
  ONLY_COUNTRIES: {
    type: 'custom',
    expected: 'country codes such as FR,NZ',
    parse: (text: string): readonly string[] | undefined =>
      /^[A-Z]{2}(,[A-Z]{2})*$/.test(text) ? text.split(',') : undefined,
    help: 'Countries whose cities are loaded; all of them when absent.',
  },
  WEATHER_URL: {
    type: 'url',
    protocols: ['http:', 'https:'],
    help: 'The weather service; `pnpm demo` starts one that is made up when absent.',
  },
  WEATHER_MAX_AGE: {
    type: 'integer',
    unit: 's',
    default: 60,
    min: 0,
    help: 'How long the weather is taken for fresh.',
  },
  CURSOR_SECRET: {
    type: 'text',
    pattern: /^.{16,}$/,
    expected: 'a secret of at least 16 characters',
    secret: true,
    help: 'Signs the cursors of pages, the same in every process. One for trying it out when absent.',
  },
  API_KEYS: {
    type: 'custom',
    secret: true,
    expected: 'name:key,name:key and so on, with keys of 8 characters or more',
    parse: parseApiKeys,
    help: 'Who may keep trips. Keys for trying it out when absent.',
  },
});

/** What the service's own rows become. */
interface OwnValues {
  readonly HOST: string | undefined;
  readonly DATA_DIR: string;
  readonly MIN_POPULATION: number;
  readonly ONLY_COUNTRIES: readonly string[] | undefined;
  readonly WEATHER_URL: string | undefined;
  readonly WEATHER_MAX_AGE: number;
  readonly CURSOR_SECRET: string | undefined;
  readonly API_KEYS: ReadonlyMap<string, string> | undefined;
}

/** The service's configuration. */
export type ServiceConfig = Config<StandardValues & OwnValues>;

/**
 * Reads the configuration.
 * @throws ConfigError naming every setting that is wrong
 */
export function readConfig(env?: LoadOptions['env']): ServiceConfig {
  return loadConfig({ settings: OWN, env });
}

/** What the database is opened and filled with. */
export function databaseSettings(config: ServiceConfig): DatabaseSettings {
  const { values } = config;
  return {
    options: config.options('db'),
    databaseUrl: values.DATABASE_URL,
    dataDir: values.DATA_DIR,
    minPopulation: values.MIN_POPULATION,
    onlyCountries: values.ONLY_COUNTRIES,
    onProgress: (line) => console.log(line),
  };
}

/** How long a process that does not answer keeps its jobs, in ms; then others do them. */
const JOB_LOCK_MS = 5000;

/** Where jobs are kept: in Redis, or beside the embedded database, which one process has, too. */
export function taskSettings(config: ServiceConfig): Partial<TasksOptions> {
  const { values } = config;
  if (values.REDIS_URL !== undefined) {
    const { url, cluster, ...options } = config.options('tasks');
    return { ...options, engine: bullmq({ url, cluster, lockMs: JOB_LOCK_MS }) };
  }
  const isAlone = values.DATABASE_URL === undefined && values.DATA_DIR !== ':memory:';
  return {
    ...(isAlone ? { folder: join(values.DATA_DIR, 'jobs') } : {}),
    ...config.options('tasks'),
  };
}

/** Owners by their keys. */
function parseApiKeys(text: string): ReadonlyMap<string, string> | undefined {
  if (!/^\w+:[^\s,:]{8,}(?:,\w+:[^\s,:]{8,})*$/.test(text)) return undefined;
  return new Map(text.split(',').map((pair) => pair.split(':').toReversed() as [string, string]));
}
