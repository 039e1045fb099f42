/**
 * The plan of a statement that was seen, for no values in particular: none are kept that it could be
 * made for. The server makes a generic one (`plan_cache_mode`, since Postgres 12) in a transaction
 * that may only read. It is never run: EXPLAIN without ANALYZE.
 */
import { type Clock, ProblemError } from '@org/core';

import type { Plannable } from './fingerprint.ts';
import type { QueryOptions } from './options.ts';
import type { Statement } from './statements.ts';

/** Runs statements one after the other on one connection. */
export interface Runner {
  query(text: string): Promise<unknown>;
}

/** Where plans are made: a session of `@org/db`, a PGlite, or a pool of `pg`. */
export type ExplainOn =
  | { transaction(work: (on: Runner) => Promise<unknown>): Promise<unknown> }
  | { connect(): Promise<Runner & { release(error?: Error): void }> };

/** What a statement is called while its plan is made. */
const NAME = 'query_plan';

/** A plan takes this long at most, in ms: with a connection to wait for, and tables that are locked. */
const LIMIT_MS = 5000;

/**
 * The plan of a statement that was seen, or was not.
 * @throws ProblemError `ERR_NO_PLAN` (422) where none can be made, `ERR_QUERY_UNKNOWN` (404)
 */
export async function planOf(
  statement: Statement | undefined,
  id: string,
  { explainOn, clock }: QueryOptions,
): Promise<unknown> {
  if (statement === undefined) throw unknownQuery(id);
  if (explainOn === undefined) throw noPlan('Nobody has said where plans are made: "explainOn".');
  const { plannable } = statement;
  if (plannable === undefined) throw noPlan('It is no statement that has a plan.');
  return inTime(explain(explainOn, plannable), clock);
}

async function explain(on: ExplainOn, { text, parameters }: Plannable): Promise<unknown> {
  const nulls =
    parameters === 0 ? '' : `(${Array.from({ length: parameters }, () => 'null').join(', ')})`;
  let plan: unknown;
  await within(on, async (connection) => {
    await connection.query('set transaction read only');
    await connection.query(`set local statement_timeout = ${LIMIT_MS}`);
    await connection.query('set local plan_cache_mode = force_generic_plan');
    // What is prepared outlives its transaction: one may be left of a plan that failed.
    const left = await connection.query(
      `select name from pg_prepared_statements where name = '${NAME}'`,
    );
    if (rowsOf(left).length > 0) await connection.query(`deallocate ${NAME}`);
    try {
      await connection.query(`prepare ${NAME} as ${text}`);
      plan = planIn(await connection.query(`explain (format json) execute ${NAME}${nulls}`));
    } catch (error) {
      throw noPlan('The server makes no plan of the statement without its values.', error);
    }
    await connection.query(`deallocate ${NAME}`);
  });
  return plan;
}

/** Nothing stays of it, whether it succeeds or not. */
async function within(on: ExplainOn, work: (on: Runner) => Promise<void>): Promise<void> {
  if ('transaction' in on) {
    await on.transaction(work);
    return;
  }
  const client = await on.connect();
  try {
    await client.query('begin');
    await work(client);
  } finally {
    await client.query('rollback').then(
      () => client.release(),
      // What cannot even go back is of no use to anybody.
      (error: Error) => client.release(error),
    );
  }
}

/** Whoever asks waits no longer than that; what was begun is ended in the background. */
function inTime<T>(work: Promise<T>, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(LIMIT_MS, () =>
      reject(noPlan(`The server has made no plan within ${LIMIT_MS} ms.`)),
    );
    void work.then(resolve, reject).finally(cancel);
  });
}

function rowsOf(result: unknown): readonly Record<string, unknown>[] {
  return (result as { readonly rows: readonly Record<string, unknown>[] }).rows;
}

function planIn(result: unknown): unknown {
  const [row] = rowsOf(result);
  const plan = row?.['QUERY PLAN'];
  return typeof plan === 'string' ? JSON.parse(plan) : plan;
}

function noPlan(detail: string, cause?: unknown): ProblemError {
  return new ProblemError({ code: 'ERR_NO_PLAN', status: 422, detail, cause });
}

function unknownQuery(id: string): ProblemError {
  return new ProblemError({
    code: 'ERR_QUERY_UNKNOWN',
    status: 404,
    detail: `No statement with the id "${id}" has been seen.`,
  });
}
