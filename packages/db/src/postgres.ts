/**
 * Connections to a Postgres server, from a `pg` pool: one of yours, which stays yours, or one that is
 * made of an address. The pool's own listener covers idle connections only, so that each connection
 * gets one of its own: an error that nobody listens for would end the process with the database.
 */
import {
  type Check,
  type Checks,
  durationMs,
  func,
  type Given,
  integer,
  OptionError,
  resolveOptions,
  shape,
  text,
} from '@org/core';

import type { Driver } from './driver.ts';
import type { PgPool, PgPoolConstructor } from './pg-pool.ts';
import { PostgresSource } from './postgres-source.ts';

/** How a pool is made. */
export interface PostgresOptions {
  /** The server's address: `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** Connections at most. @default 10 */
  readonly max: number;
  /** How long a connection may be idle until it is closed, in ms; 0: for ever. @default 10_000 */
  readonly idleTimeoutMs: number;
  /** How long a connection lives at most, in ms; 0: for ever. @default 0 */
  readonly maxLifetimeMs: number;
  /** What the server calls these connections. @default "express" */
  readonly applicationName: string;
  /** TLS, as `pg` takes it. @default what the address says */
  readonly ssl: boolean | object | undefined;
  /** The `Pool` of your `pg`. @default that of the installed one, loaded at the first connection */
  readonly Pool: PgPoolConstructor | undefined;
}

export const POSTGRES_DEFAULTS: Readonly<Omit<PostgresOptions, 'url'>> = Object.freeze({
  max: 10,
  idleTimeoutMs: 10_000,
  maxLifetimeMs: 0,
  applicationName: 'express',
  ssl: undefined,
  Pool: undefined,
});

const ssl: Check<boolean | object> = {
  expected: 'true, false or options of TLS',
  accepts: (value): value is boolean | object =>
    typeof value === 'boolean' || (typeof value === 'object' && value !== null),
};

const CHECKS: Checks<PostgresOptions> = {
  url: text({
    expected: 'an address such as "postgres://user:password@host/database"',
    pattern: /^postgres(?:ql)?:\/\//,
  }),
  max: integer({ min: 1, max: 10_000 }),
  idleTimeoutMs: durationMs(),
  maxLifetimeMs: durationMs(),
  applicationName: text(),
  ssl,
  Pool: func<PgPoolConstructor>(),
};

const POOL = shape<PgPool>('a pool', ['connect', 'on', 'end']);

/**
 * A driver over a `pg` pool, or over one that is made of options.
 * @throws OptionError for what is neither, and for unknown or wrong options
 */
export function postgres(
  given: PgPool | (Given<PostgresOptions> & Pick<PostgresOptions, 'url'>),
): Driver {
  if (POOL.accepts(given)) {
    return { name: 'postgres', open: (settings) => new PostgresSource(settings, given) };
  }
  const options = resolveOptions<Partial<PostgresOptions>>(
    'postgres',
    POSTGRES_DEFAULTS,
    CHECKS,
    given,
  );
  if (options.url === undefined) {
    throw new OptionError('postgres', [`option "url" is needed, and is ${CHECKS.url.expected}.`]);
  }
  return {
    name: 'postgres',
    open: (settings) => new PostgresSource(settings, undefined, options as PostgresOptions),
  };
}
