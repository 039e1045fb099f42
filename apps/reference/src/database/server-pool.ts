/**
 * A pool of connections to a Postgres server. Everything has a time limit, and every
 * connection has a listener of its own: the pool's covers idle ones only, and an error
 * that nobody listens for would end the process with the database.
 */
import { report } from '@org/core';
import { Pool } from 'pg';

/** Connections of one process. */
const MAX_CONNECTIONS = 10;
/** How long a request waits for a connection, in ms. */
const CONNECT_TIMEOUT_MS = 5_000;
/** How long the server works on one statement, in ms. */
const STATEMENT_TIMEOUT_MS = 10_000;
/** How long we wait for the server's answer, in ms; longer than the server's own limit, which says more. */
const QUERY_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 2_000;

/** Makes the pool; it connects on first use. */
export function serverPool(connectionString: string): Pool {
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
  return pool;
}
