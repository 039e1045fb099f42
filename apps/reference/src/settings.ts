/** What the service itself is told by its environment; the stack's own settings are read in `stack.ts`. */
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

import type { DatabaseSettings } from './database/database.ts';

/** The service's settings. */
export interface Settings extends DatabaseSettings {
  /** Where it listens; 0 takes a free port. */
  readonly port: number;
  /** The address it listens at; all of them when absent. */
  readonly host: string | undefined;
  /** Who may keep trips: names by their API keys. */
  readonly apiKeys: ReadonlyMap<string, string>;
}

/** Keys for trying the service out. Whoever deploys it sets API_KEYS. */
export const DEMO_API_KEYS: ReadonlyMap<string, string> = new Map([
  ['demo-key-of-ada', 'ada'],
  ['demo-key-of-ibn', 'ibn'],
]);

/**
 * Reads the settings.
 * @throws Error naming every variable that is wrong
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const read = VARIABLES.safeParse(
    // An empty variable is one that is not set.
    Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')),
  );
  if (!read.success) {
    const wrong = read.error.issues.map(
      ({ path, message }) =>
        `  ${path.join('.')}=${JSON.stringify(env[String(path[0])])}: ${message}`,
    );
    throw new Error(`The environment is not as expected:\n${wrong.join('\n')}`);
  }
  const { PORT, HOST, DATA_DIR, DATABASE_URL, MIN_POPULATION, ONLY_COUNTRIES, API_KEYS } =
    read.data;
  return {
    port: PORT,
    host: HOST,
    dataDir: DATA_DIR,
    databaseUrl: DATABASE_URL,
    minPopulation: MIN_POPULATION,
    onlyCountries: ONLY_COUNTRIES,
    apiKeys: API_KEYS,
    onProgress: (line) => console.log(line),
  };
}

const wholeNumber = (max: number): z.ZodType<number, string> =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().max(max, `must be at most ${max}`));

const VARIABLES = z.object({
  PORT: wholeNumber(65_535).default(3000),
  HOST: z.string().optional(),
  DATA_DIR: z.string().default(fileURLToPath(new URL('../.data', import.meta.url))),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must begin with postgres:// or postgresql://')
    .optional(),
  MIN_POPULATION: wholeNumber(100_000_000).default(0),
  ONLY_COUNTRIES: z
    .string()
    .regex(/^[A-Z]{2}(,[A-Z]{2})*$/, 'must be country codes such as FR,NZ')
    .transform((list) => list.split(','))
    .optional(),
  API_KEYS: z
    .string()
    .regex(
      /^\w+:[^\s,:]{8,}(,\w+:[^\s,:]{8,})*$/,
      'must be name:key,name:key…, keys of 8 characters or more',
    )
    .transform(
      (list): ReadonlyMap<string, string> =>
        new Map(list.split(',').map((pair) => pair.split(':').toReversed() as [string, string])),
    )
    .default(DEMO_API_KEYS),
});
