/**
 * A pool of connections to a Postgres server. Everything has a time limit, and every
 * connection has a listener of its own: the pool's covers idle ones only, and an error
 * that nobody listens for would end the process with the database. What is lost with a
 * connection is a 503: the server's own errors have codes, the driver's do not.
 */
import { report } from '@org/core';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { Pool, type PoolClient } from 'pg';

import { problems } from '../problems.ts';

/** Connections of one process. */
const MAX_CONNECTIONS = 10;
/** How long a request waits for a connection, in ms. */
const CONNECT_TIMEOUT_MS = 5_000;
/** How long the server works on one statement, in ms. */
const STATEMENT_TIMEOUT_MS = 10_000;
/** How long we wait for the server's answer, in ms; longer than the server's own limit, which says more. */
const QUERY_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 2_000;

/** Makes the pool; it connects on first use. */
export function serverPool(connectionString: string): PostgresPool {
  const pool = new Pool({
    connectionString,
    application_name: 'reference',
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
  });
  pool.on('error', (error) => report(error, 'idle database connection'));
  // A statement under way gets the error too, and passes it on; this one is for the silence after.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return {
    connect: () => pool.connect().then(telling, rethrow),
    end: () => pool.end(),
  };
}

/** A connection that says so when it was lost. */
function telling(client: PoolClient): PostgresPoolClient {
  return {
    query: ((statement: string, parameters: unknown[]) =>
      client.query(statement, parameters).catch(rethrow)) as unknown as PostgresPoolClient['query'],
    release: () => client.release(),
  };
}

/** How the driver puts it; it has no codes for these. */
const LOST =
  /^(?:Connection terminated|Connection ended|Client has encountered a connection error|Client was closed|timeout exceeded when trying to connect|Query read timeout)/;
const LOST_CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
]);

function rethrow(error: unknown): never {
  const { code, message } = error as NodeJS.ErrnoException;
  if (!LOST_CODES.has(code) && !LOST.test(message)) throw error;
  throw problems.databaseUnavailable('The database cannot be reached at the moment.', undefined, {
    headers: { 'Retry-After': '1' },
    cause: error,
  });
}
