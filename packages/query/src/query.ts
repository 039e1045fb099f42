/**
 * Watches the statements of requests: how many, how long, which are slow, and which one line asks for
 * again and again. It stands among the observers; its route stands at the edge.
 */
import {
  defineMiddleware,
  type Given,
  type Middleware,
  monitoringRoutes,
  report,
  type Stats,
} from '@org/core';

import { planOf } from './explain.ts';
import { Hearing } from './hearing.ts';
import { type QueryOptions, resolveQueryOptions } from './options.ts';
import type { QueryRecord } from './query-record.ts';
import { StatementWatch } from './statement-watch.ts';
import type { Queryable } from './watched-query.ts';

/** The middlewares, and what else can be told to the watch and asked of it. */
export type QueryWatch = Middleware[] & {
  /**
   * Hears of the statements of a pool or a client of `pg`, or of a PGlite, until `close`; needed for
   * none that `@org/db` is over. Their requests are known by an `AsyncLocalStorage` from here on.
   * @throws OptionError for what has no `query`
   */
  readonly watch: <T extends Queryable>(target: T) => T;
  /** Hears of one statement. Without an exchange it counts for the request that it is told in. */
  readonly record: (record: QueryRecord) => void;
  /**
   * The plan of a statement that was seen, by its id; it is not run.
   * @throws ProblemError `ERR_NO_PLAN` (422) where none can be made, `ERR_QUERY_UNKNOWN` (404)
   */
  readonly explain: (id: string) => Promise<unknown>;
  readonly stats: () => Stats;
  /** Ends the watch for good, and puts back what it has replaced. */
  readonly close: () => void;
};

/**
 * Makes the watch.
 * @throws OptionError for unknown or wrong options
 */
export function query(options?: Given<QueryOptions>): QueryWatch {
  const settings = resolveQueryOptions(options);
  const { name, path, access } = settings;
  const statements = new StatementWatch(settings);
  const hearing = new Hearing(statements, settings.clock);
  const stats = (): Stats => statements.stats();
  const close = (): void => hearing.close();
  const explain = (id: string): Promise<unknown> => planOf(statements.find(id), id, settings);

  const middlewares = [
    defineMiddleware({
      name,
      phase: 'observe',
      priority: 60,
      reason: 'what is asked of a database anywhere below it belongs to its request',
      step: (exchange) => hearing.enter(exchange),
      attach: (host) => statements.attach(host),
      start: () => hearing.listen(),
      stats,
      close,
    }),
  ];
  if (path !== false) {
    middlewares.unshift(
      defineMiddleware({
        name: `${name}:route`,
        phase: 'edge',
        priority: 60,
        reason: 'when every request waits for the database, a look at why must not',
        step: monitoringRoutes(
          {
            [path]: { GET: () => statements.document() },
            [`${path}/:id/plan`]: {
              // It gives the database something to do.
              effects: true,
              GET: async ({ params }) => ({ plan: await explain(params['id']!) }),
            },
          },
          access,
        ),
      }),
    );
  }

  return Object.assign(middlewares, {
    watch<T extends Queryable>(target: T): T {
      hearing.watch(target);
      return target;
    },
    record(told: QueryRecord) {
      try {
        hearing.record(told);
      } catch (error) {
        report(error, 'query record', told?.exchange);
      }
    },
    explain,
    stats,
    close,
  });
}
