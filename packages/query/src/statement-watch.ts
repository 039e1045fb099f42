/**
 * What is known of statements: by form, by request and by route; and what is found among them, told
 * as it happens. Of a request it is known from its first statement on.
 */
import {
  type AnswerInstead,
  answerProblem,
  defineStages,
  type Exchange,
  type Host,
  Listeners,
  monitoringGuard,
  type Stages,
  type StateKey,
  stateKey,
  type Stats,
} from '@org/core';
import type { Request } from 'express';

import {
  FINDING_CHANNEL,
  Findings,
  nPlusOneError,
  type QueryFinding,
  repeatedFinding,
  slowFinding,
  wordsOf,
} from './findings.ts';
import type { QueryOptions } from './options.ts';
import type { QueryRecord } from './query-record.ts';
import { RequestNumbers } from './request-numbers.ts';
import { type Repeated, RequestQueries } from './request-queries.ts';
import { rounded } from './rounded.ts';
import { SlowQueries } from './slow-queries.ts';
import { type Statement, Statements } from './statements.ts';

/** Statements that the monitoring route shows. */
const SHOWN = 50;

export class StatementWatch {
  private readonly settings: QueryOptions;
  private readonly threshold: number;
  private readonly statements: Statements;
  private readonly requests: RequestNumbers;
  private readonly repeated: Findings;
  private readonly slow: SlowQueries;
  private readonly listeners: Listeners<QueryFinding>;
  /** Null until the request has a statement. */
  private readonly key: StateKey<RequestQueries | null>;
  private readonly stages: Stages;
  private readonly counts = { queries: 0, failed: 0, slow: 0, nPlusOne: 0 };
  private host: Host | undefined;

  constructor(settings: QueryOptions) {
    this.settings = settings;
    const { nPlusOne, nPlusOneThreshold, maxFindings, onFinding } = settings;
    this.threshold = nPlusOne === 'off' ? Infinity : nPlusOneThreshold;
    this.statements = new Statements(settings.maxStatements);
    this.requests = new RequestNumbers(settings.maxRoutes);
    this.repeated = new Findings(maxFindings);
    this.slow = new SlowQueries(maxFindings);
    this.listeners = new Listeners(FINDING_CHANNEL, onFinding, 'query onFinding');
    this.key = stateKey(settings.name);
    const getsTimes = timingGuard(settings);
    this.stages = defineStages({
      ...(nPlusOne === 'throw' ? { hold: (exchange) => this.refuse(exchange) } : {}),
      head: (head, exchange) => {
        if (!getsTimes(exchange.req)) return;
        const { count, totalMs } = exchange.getState(this.key)!;
        const noun = count === 1 ? 'query' : 'queries';
        head.append('Server-Timing', `db;desc="${count} ${noun}";dur=${rounded(totalMs)}`);
      },
      done: (exchange) => {
        const seen = exchange.getState(this.key)!;
        this.requests.add(exchange, seen, settings.clock.monotonicMs());
        for (const [statement, form] of seen.found) this.tellRepeated(exchange, statement, form);
      },
    });
  }

  attach(host: Host): void {
    this.host = host;
  }

  /** From here on the request's statements are this watch's. */
  own(exchange: Exchange): void {
    if (exchange.getState(this.key) === undefined) exchange.setState(this.key, null);
  }

  owns(exchange: Exchange): boolean {
    return exchange.getState(this.key) !== undefined;
  }

  /** A statement is asked for. @returns whether it is worth remembering from where */
  asks(exchange: Exchange, text: string): boolean {
    return this.threshold !== Infinity && this.seenOf(exchange).asks(this.statements.of(text));
  }

  /** A statement has ended. */
  add(told: QueryRecord, exchange: Exchange | undefined): void {
    const statement = this.statements.of(told.text);
    this.counts.queries++;
    if (told.error !== undefined) this.counts.failed++;
    statement.add(told, this.settings.clock.monotonicMs());
    if (exchange !== undefined) this.seenOf(exchange).add(statement, told, this.threshold);
    if (told.durationMs >= this.settings.slowAfterMs) this.tellSlow(told, exchange, statement);
  }

  find(id: string): Statement | undefined {
    return this.statements.find(id);
  }

  stats(): Stats {
    const { counts, statements } = this;
    return {
      queriesTotal: counts.queries,
      failedTotal: counts.failed,
      slowTotal: counts.slow,
      nPlusOneTotal: counts.nPlusOne,
      statements: statements.size,
      overflowedTotal: statements.overflowed,
      ...this.requests.stats(this.settings.clock.monotonicMs()),
    };
  }

  /** For operators. */
  document(): object {
    const nowMs = this.settings.clock.monotonicMs();
    return {
      ...this.stats(),
      top: this.statements.top(SHOWN).map((statement) => statement.show(nowMs)),
      nPlusOne: this.repeated.list,
      slow: this.slow.list,
    };
  }

  /** What a request has asked for; its answer is looked at from its first statement on. */
  private seenOf(exchange: Exchange): RequestQueries {
    const known = exchange.getState(this.key);
    if (known !== undefined && known !== null) return known;
    const seen = new RequestQueries();
    exchange.setState(this.key, seen);
    if (!exchange.settled) exchange.tap(this.stages);
    return seen;
  }

  /** Answers in the handler's place where something was found. */
  private refuse(exchange: Exchange): Promise<AnswerInstead> | undefined {
    const [found] = exchange.getState(this.key)!.found;
    if (found === undefined || exchange.res.statusCode >= 500) return undefined;
    const error = nPlusOneError(repeatedFinding(exchange, ...found));
    return Promise.resolve(() => {
      const { req, res } = exchange;
      exchange.error ??= error;
      this.host?.answerError(req, res, error);
      if (!res.headersSent) answerProblem(res, error);
    });
  }

  private tellSlow(told: QueryRecord, exchange: Exchange | undefined, statement: Statement): void {
    this.counts.slow++;
    const finding = slowFinding(told, exchange, statement, this.settings.path);
    this.slow.add(finding, told.rows, this.settings.clock.now());
    if (this.listeners.listening) this.listeners.tell(finding);
  }

  private tellRepeated(exchange: Exchange, statement: Statement, form: Repeated): void {
    this.counts.nPlusOne++;
    const finding = repeatedFinding(exchange, statement, form);
    const isNew = this.repeated.add(finding, this.settings.clock.now());
    if (this.listeners.listening) this.listeners.tell(finding);
    if (isNew && this.settings.nPlusOne === 'warn' && this.settings.onFinding === undefined) {
      process.emitWarning(wordsOf(finding), { type: 'NPlusOneWarning', code: 'ERR_N_PLUS_ONE' });
    }
  }
}

/** Who is told of times. */
function timingGuard({ serverTiming, access }: QueryOptions): (req: Request) => boolean {
  const isDevelopment = process.env['NODE_ENV'] === 'development';
  const whom = serverTiming ?? (isDevelopment ? 'always' : 'authorised');
  return whom === 'authorised' ? monitoringGuard(access) : () => whom === 'always';
}
