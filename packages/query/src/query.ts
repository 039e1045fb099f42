/**
 * Watches the statements of requests: how many, how long, which are slow, and which one line asks for
 * again and again. It hears of them by the diagnostics channel of `@org/db`, and of pools and clients
 * that it is given. It stands among the observers; its route stands at the edge.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';
import {
  type AnswerInstead,
  answerProblem,
  defineMiddleware,
  defineStages,
  type Exchange,
  type Given,
  type Host,
  Listeners,
  type Middleware,
  monitoringGuard,
  monitoringRoutes,
  ProblemError,
  report,
  stateKey,
  type Stats,
} from '@org/core';

import { explain, noPlan } from './explain.ts';
import { FINDING_CHANNEL, Findings, type QueryFinding, suggestionFor } from './findings.ts';
import { type QueryOptions, resolveQueryOptions } from './options.ts';
import { QUERY_CHANNEL, type QueryRecord } from './query-record.ts';
import { RequestNumbers } from './request-numbers.ts';
import { type Repeated, RequestQueries } from './request-queries.ts';
import { SlowQueries } from './slow-queries.ts';
import { type Statement, Statements } from './statements.ts';
import { type Listener, type Queryable, watched } from './watched.ts';

/** Statements that the monitoring route shows. */
const SHOWN = 50;

/** The middlewares, and what else can be told to the watch and asked of it. */
export type QueryWatch = Middleware[] & {
  /**
   * Hears of the statements of a pool or a client of `pg`, or of a PGlite, until `close`; needed for
   * none that `@org/db` is over. Their requests are known by an `AsyncLocalStorage` from here on.
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
  /** Ends the watch, and puts back what it has replaced. */
  readonly close: () => void;
};

/**
 * Makes the watch.
 * @throws OptionError for unknown or wrong options
 */
export function query(options?: Given<QueryOptions>): QueryWatch {
  const settings = resolveQueryOptions(options);
  const { name, nPlusOne, slowAfterMs, explainOn, path, access, clock } = settings;
  const threshold = nPlusOne === 'off' ? Infinity : settings.nPlusOneThreshold;
  const timing =
    settings.serverTiming ?? (process.env['NODE_ENV'] === 'development' ? 'always' : 'authorised');
  const mayLookInside = monitoringGuard(access);
  const statements = new Statements(settings.maxStatements);
  const requests = new RequestNumbers(settings.maxRoutes);
  const repeated = new Findings(settings.maxFindings);
  const slow = new SlowQueries(settings.maxFindings);
  const listeners = new Listeners(FINDING_CHANNEL, settings.onFinding, 'query onFinding');
  const key = stateKey<RequestQueries>(name);
  const context = new AsyncLocalStorage<Exchange>();
  const ends: (() => unknown)[] = [];
  const counts = { queries: 0, failed: 0, slow: 0, nPlusOne: 0 };
  let host: Host | undefined;
  let isWatching = false;
  let closed = false;

  const stages = defineStages({
    ...(nPlusOne === 'throw' ? { hold: refuse } : {}),
    head(head, exchange) {
      if (timing === 'never') return;
      if (timing === 'authorised' && !mayLookInside(exchange.req)) return;
      const { count, totalMs } = exchange.getState(key)!;
      const noun = count === 1 ? 'query' : 'queries';
      head.append('Server-Timing', `db;desc="${count} ${noun}";dur=${rounded(totalMs)}`);
    },
    done(exchange) {
      const seen = exchange.getState(key)!;
      requests.add(exchange, seen, clock.monotonicMs());
      for (const [statement, form] of seen.found) tellRepeated(exchange, statement, form);
    },
  });

  /** Answers in the handler's place where something was found. */
  function refuse(exchange: Exchange): Promise<AnswerInstead> | undefined {
    const [found] = exchange.getState(key)!.found;
    if (found === undefined || exchange.res.statusCode >= 500) return undefined;
    const error = nPlusOneError(repeatedFinding(exchange, ...found));
    return Promise.resolve(() => {
      const { req, res } = exchange;
      exchange.error ??= error;
      host?.answerError(req, res, error);
      if (!res.headersSent) answerProblem(res, error);
    });
  }

  /** What a request has asked for; it is looked at from its first statement on. */
  function seenOf(exchange: Exchange): RequestQueries {
    let seen = exchange.getState(key);
    if (seen === undefined) {
      seen = new RequestQueries();
      exchange.setState(key, seen);
      if (!exchange.settled) exchange.tap(stages);
    }
    return seen;
  }

  function record(told: QueryRecord): void {
    if (closed) return;
    const exchange = told.exchange ?? context.getStore();
    const statement = statements.of(told.text);
    counts.queries++;
    if (told.error !== undefined) counts.failed++;
    statement.add(told, clock.monotonicMs());
    if (exchange !== undefined) seenOf(exchange).add(statement, told, threshold);
    if (told.durationMs >= slowAfterMs) tellSlow(told, exchange, statement);
  }

  function tellSlow(told: QueryRecord, exchange: Exchange | undefined, statement: Statement): void {
    counts.slow++;
    const { durationMs, rows, callSite } = told;
    const { id, text } = statement;
    const method = exchange?.req.method;
    const route = exchange?.route;
    slow.add({
      at: clock.now(),
      id,
      text,
      durationMs: rounded(durationMs),
      rows,
      method,
      route,
      requestId: exchange?.id,
      traceId: exchange?.trace?.traceId,
      callSite,
    });
    if (!listeners.listening) return;
    const suggestion = `Look at its plan: ${path === false ? `explain('${id}')` : `GET ${path}/${id}/plan`}.`;
    listeners.tell({
      type: 'slow',
      id,
      text,
      method,
      route,
      callSite,
      count: 1,
      durationMs,
      suggestion,
      exchange,
    });
  }

  function tellRepeated(exchange: Exchange, statement: Statement, form: Repeated): void {
    counts.nPlusOne++;
    const finding = repeatedFinding(exchange, statement, form);
    const isNew = repeated.add(finding, clock.now());
    if (listeners.listening) listeners.tell(finding);
    else if (isNew && nPlusOne === 'warn') {
      process.emitWarning(wordsOf(finding), { type: 'NPlusOneWarning', code: 'ERR_N_PLUS_ONE' });
    }
  }

  const listener: Listener = {
    clock,
    exchange: () => context.getStore(),
    asks: (exchange, text) =>
      exchange !== undefined &&
      threshold !== Infinity &&
      seenOf(exchange).asks(statements.of(text)),
    record,
  };

  async function explainById(id: string): Promise<unknown> {
    const statement = statements.find(id);
    if (statement === undefined) throw unknownQuery(id);
    const { plannable } = statement;
    if (explainOn === undefined) throw noPlan('Nobody has said where plans are made: "explainOn".');
    if (plannable === undefined) throw noPlan('It is no statement that has a plan.');
    return explain(explainOn, plannable);
  }

  const heard = (message: unknown): void => record(message as QueryRecord);
  // Held until then: Node 20 forgets the subscribers of a channel that was collected.
  const events = channel(QUERY_CHANNEL);
  events.subscribe(heard);
  ends.push(() => events.unsubscribe(heard));

  const stats = (): Stats => ({
    queriesTotal: counts.queries,
    failedTotal: counts.failed,
    slowTotal: counts.slow,
    nPlusOneTotal: counts.nPlusOne,
    statements: statements.size,
    overflowedTotal: statements.overflowed,
    ...requests.stats(clock.monotonicMs()),
  });
  const close = (): void => {
    closed = true;
    isWatching = false;
    for (const end of ends.splice(0)) end();
    context.disable();
  };

  const middlewares = [
    defineMiddleware({
      name,
      phase: 'observe',
      priority: 60,
      reason: 'what is asked of a database anywhere below it belongs to its request',
      // Nothing to do for a request until it has a statement; who has `@org/db` pays for no context.
      step(exchange) {
        if (isWatching) context.enterWith(exchange);
      },
      attach: (given) => void (host = given),
      stats,
      close,
    }),
  ];
  if (path !== false) {
    const document = (): object => ({
      ...stats(),
      top: statements.top(SHOWN).map((statement) => statement.show(clock.monotonicMs())),
      nPlusOne: repeated.list,
      slow: slow.list,
    });
    middlewares.unshift(
      defineMiddleware({
        name: `${name}:route`,
        phase: 'edge',
        priority: 60,
        reason: 'when every request waits for the database, a look at why must not',
        step: monitoringRoutes(
          {
            [path]: { GET: document },
            [`${path}/:id/plan`]: {
              // It gives the database something to do.
              effects: true,
              GET: async ({ params }) => ({ plan: await explainById(params['id']!) }),
            },
          },
          access,
        ),
      }),
    );
  }

  return Object.assign(middlewares, {
    watch<T extends Queryable>(target: T): T {
      isWatching = true;
      ends.push(watched(target, listener));
      return target;
    },
    record(told: QueryRecord) {
      try {
        record(told);
      } catch (error) {
        report(error, 'query record', told.exchange);
      }
    },
    explain: explainById,
    stats,
    close,
  });
}

function repeatedFinding(exchange: Exchange, statement: Statement, form: Repeated): QueryFinding {
  return {
    type: 'n-plus-one',
    id: statement.id,
    text: statement.text,
    method: exchange.req.method,
    route: exchange.route,
    callSite: form.line ?? undefined,
    count: form.count,
    durationMs: rounded(form.totalMs),
    suggestion: suggestionFor(statement),
    exchange,
  };
}

function wordsOf({ method, route, count, text, callSite, suggestion }: QueryFinding): string {
  const where = callSite === undefined ? '' : ` at ${callSite}`;
  return `${method} ${route ?? '(no route)'} asked ${count} times for "${text}"${where}. ${suggestion}`;
}

function nPlusOneError(finding: QueryFinding): ProblemError {
  return new ProblemError({
    code: 'ERR_N_PLUS_ONE',
    status: 500,
    // For tests, which should read at once what to mend.
    expose: true,
    detail: wordsOf(finding),
  });
}

function unknownQuery(id: string): ProblemError {
  return new ProblemError({
    code: 'ERR_QUERY_UNKNOWN',
    status: 404,
    detail: `No statement with the id "${id}" has been seen.`,
  });
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
