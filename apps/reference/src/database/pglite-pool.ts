/**
 * PGlite as Kysely's Postgres dialect wants it: a pool. There is one connection, so
 * whoever holds it, for a statement or a transaction, holds the others up; they wait
 * in line, and the line is bounded.
 */
import type { PGlite } from '@electric-sql/pglite';
import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';

import { problems } from '../problems.ts';

/** How many may wait for the connection. */
const MAX_WAITING = 1_000;

/** A pool of the one connection that PGlite has. */
export interface PglitePool extends PostgresPool {
  readonly waiting: number;
}

/** Makes the pool; `onEnd` runs once the database is closed. */
export function pglitePool(pglite: PGlite, onEnd: () => Promise<void>): PglitePool {
  const waiting: (() => void)[] = [];
  let busy = false;

  const client: PostgresPoolClient = {
    query: (<R>(statement: string, parameters: readonly unknown[]) =>
      run<R>(pglite, statement, parameters)) as PostgresPoolClient['query'],
    release() {
      const next = waiting.shift();
      if (next === undefined) busy = false;
      else next();
    },
  };

  return {
    get waiting() {
      return waiting.length;
    },
    async connect() {
      if (!busy) {
        busy = true;
      } else {
        if (waiting.length >= MAX_WAITING) throw tooMany();
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      return client;
    },
    async end() {
      await pglite.close();
      await onEnd();
    },
  };
}

async function run<R>(
  pglite: PGlite,
  statement: string,
  parameters: readonly unknown[],
): Promise<PostgresQueryResult<R>> {
  const { rows, affectedRows } = await pglite.query<R>(statement, [...parameters]);
  return { command: commandOf(statement), rowCount: affectedRows ?? rows.length, rows };
}

/** PGlite does not tell which command it ran. */
function commandOf(statement: string): PostgresQueryResult<unknown>['command'] {
  const [, word = ''] = /^\s*(\w+)/.exec(statement) ?? [];
  const command = word.toUpperCase();
  return command === 'INSERT' || command === 'UPDATE' || command === 'DELETE' ? command : 'SELECT';
}

function tooMany(): Error {
  return problems.databaseBusy(
    'Too many requests are waiting for the database. Try again in a moment.',
    undefined,
    { headers: { 'Retry-After': '1' } },
  );
}
