/**
 * Transactional mode: the record of a key commits in the handler's own database transaction, so
 * that effect and record are there together or not at all. It needs no lease and leaves nothing
 * to resolve: a process that is killed at any step has either done all of it or nothing. It
 * wraps a route's handler; the middleware, where it is mounted, only checks the key there.
 */
import {
  type Checks,
  COMPONENT,
  type Component,
  type Exchange,
  exchangeOf,
  func,
  type Given,
  integer,
  OptionError,
  oneOf,
  resolveOptions,
  shape,
  type Stats,
} from '@org/core';
import type { Request, RequestHandler, Response } from 'express';

import { withheldFromReplays } from './answer-headers.ts';
import { IdempotencyEvents } from './idempotency-events.ts';
import { KEEPING_CHECKS, KEEPING_DEFAULTS, type KeepingOptions } from './idempotency-options.ts';
import { indeterminate, keyReused, notReplayable, stillRunning } from './idempotency-problems.ts';
import { type KeyedRequest, KeyReader } from './keyed-request.ts';
import { REPLAYED_HEADER } from './replay.ts';
import type { RecordedAnswer, Taken, TransactionRecords } from './transaction-records.ts';
import { type TransactionAnswer, recordAnswer, sendAnswer } from './transaction-answer.ts';
import { WaitingRoom } from './waiting-room.ts';

/** What transactional mode can be told, besides what all modes can. */
export interface TransactionalOptions<Tx> extends KeepingOptions {
  /** Where records are: `postgresRecords`. */
  readonly records: TransactionRecords<Tx>;
  /** Runs work in one transaction: commits when it resolves, rolls back when it rejects. */
  readonly transaction: Transaction<Tx>;
  /** A duplicate of what is under way gets 409 at once, or waits and gets the same answer. @default "wait" */
  readonly inFlight: 'refuse' | 'wait';
  /** Attempts at a transaction that could not see that another was faster. @default 3 */
  readonly maxAttempts: number;
}

/** Runs work in one transaction, for a request: its database may know what is left of its time. */
export type Transaction<Tx> = <T>(work: (tx: Tx) => Promise<T>, exchange: Exchange) => Promise<T>;

/** A handler that works in a transaction and returns its answer; it must not send it itself. */
export type TransactionHandler<Tx> = (
  tx: Tx,
  req: Request,
  res: Response,
) => Promise<TransactionAnswer>;

/** Makes Express handlers of handlers that run once per key. A component, for its statistics. */
export interface Transactional<Tx> extends Component {
  (handler: TransactionHandler<Tx>): RequestHandler;
}

/** A record as the waiting are told of it. */
interface News {
  readonly fingerprint: string;
  readonly answer: RecordedAnswer;
}

/** How one transaction ended: with its own answer, one from before, or without. */
type Run =
  | {
      readonly is: 'ran';
      readonly answer: RecordedAnswer;
      readonly kept: RecordedAnswer | undefined;
    }
  | Exclude<Taken, { readonly is: 'taken' }>;

export const TRANSACTIONAL_DEFAULTS: Readonly<
  Omit<TransactionalOptions<unknown>, 'records' | 'transaction'>
> = Object.freeze({ ...KEEPING_DEFAULTS, inFlight: 'wait', maxAttempts: 3 });

/** Makes a wrapper for handlers. @throws OptionError for unknown, missing or wrong options */
export function transactional<Tx>(
  options: Given<TransactionalOptions<Tx>> &
    Pick<TransactionalOptions<Tx>, 'records' | 'transaction'>,
): Transactional<Tx> {
  const settings = resolve(options);
  const { clock, records, transaction, retryAfterMs } = settings;
  const events = new IdempotencyEvents(settings.onEvent);
  const reader = new KeyReader(settings);
  const room = new WaitingRoom<News>(clock, settings.maxWaiters);
  const withheld = withheldFromReplays(settings.replayHeaders, settings.omitHeaders);
  /** Keys that a transaction of this process works for: a crowd takes one connection, not each its own. */
  const busy = new Set<string>();

  function wrap(handler: TransactionHandler<Tx>): RequestHandler {
    return async function onceHandler(req, res) {
      const exchange = exchangeOf(req, res);
      const key = reader.keyOf(exchange);
      if (key === undefined) {
        const answer = await transaction(async (tx) => work(handler, tx, req, res), exchange);
        sendAnswer(res, answer);
        return;
      }
      await once(handler, exchange, reader.read(exchange, key));
    };
  }

  async function once(
    handler: TransactionHandler<Tx>,
    exchange: Exchange,
    asked: KeyedRequest,
  ): Promise<void> {
    const { id } = asked;
    const untilMs = clock.monotonicMs() + Math.min(settings.maxWaitMs, exchange.remainingMs);
    while (busy.has(id)) {
      if (settings.inFlight === 'refuse') throw inFlight(exchange, asked);
      // oxlint-disable-next-line no-await-in-loop -- each turn depends on how the one before has ended
      const waited = await room.wait(id, untilMs, exchange);
      if (waited.end === 'gone') return;
      if (waited.end !== 'look') throw inFlight(exchange, asked);
      if (waited.news !== undefined) {
        again(exchange, asked, waited.news);
        return;
      }
    }
    busy.add(id);
    let news: News | undefined;
    try {
      const run = await attempt(handler, exchange, asked, untilMs);
      if (run.is === 'finished') news = run;
      if (run.is === 'ran' && run.kept !== undefined) {
        news = { fingerprint: asked.fingerprint, answer: run.kept };
      }
      conclude(exchange, asked, run);
    } finally {
      busy.delete(id);
      room.wake(id, news);
    }
  }

  /** One transaction; again where it could not see that another was faster. */
  async function attempt(
    handler: TransactionHandler<Tx>,
    exchange: Exchange,
    asked: KeyedRequest,
    untilMs: number,
  ): Promise<Run> {
    let run: Run = { is: 'busy' };
    for (let count = 0; count < settings.maxAttempts; count++) {
      // oxlint-disable-next-line no-await-in-loop -- the next only after this one has failed
      run = await inTransaction(handler, exchange, asked, untilMs);
      if (run.is !== 'moved') return run;
    }
    return run;
  }

  async function inTransaction(
    handler: TransactionHandler<Tx>,
    exchange: Exchange,
    { id, fingerprint }: KeyedRequest,
    untilMs: number,
  ): Promise<Run> {
    const { req, res } = exchange;
    const { retentionMs, inFlight: policy, outcome } = settings;
    let stopped: Run | undefined;
    let begun = false;
    try {
      return await transaction(async (tx): Promise<Run> => {
        const waitMs = policy === 'refuse' ? 1 : untilMs - clock.monotonicMs();
        const taken = await records.take(tx, { id, fingerprint, retentionMs, waitMs });
        if (taken.is !== 'taken') {
          stopped = taken;
          // Of the others there is nothing to roll back.
          if (taken.is === 'busy' || taken.is === 'moved') throw new Error(`It is ${taken.is}.`);
          return taken;
        }
        begun = true;
        events.tell('claimed', id, exchange);
        const answer = await work(handler, tx, req, res);
        const kept = outcome(answer.status, exchange) === 'keep' ? keepable(answer) : undefined;
        if (kept === undefined) await records.release(tx, id);
        else await records.finish(tx, id, kept);
        return { is: 'ran', answer, kept };
      }, exchange);
    } catch (error) {
      // Whatever the library makes of what was thrown at it.
      if (stopped !== undefined) return stopped;
      if (begun) events.tell('released', id, exchange);
      throw error;
    }
  }

  /** The handler's answer, read back from what is recorded: a replay cannot differ from it. */
  async function work(
    handler: TransactionHandler<Tx>,
    tx: Tx,
    req: Request,
    res: Response,
  ): Promise<RecordedAnswer> {
    const answer = recordAnswer(await handler(tx, req, res));
    if (res.headersSent) {
      throw new TypeError(
        'A transactional handler returns its answer: what it sends itself would be told before it is committed.',
      );
    }
    return answer;
  }

  function keepable(answer: RecordedAnswer): RecordedAnswer {
    const headers = Object.fromEntries(
      Object.entries(answer.headers).filter(([name]) => !withheld(name.toLowerCase())),
    );
    const fits = (answer.body?.length ?? 0) <= settings.maxBodyBytes;
    return { ...answer, headers, body: fits ? answer.body : undefined };
  }

  function conclude(exchange: Exchange, asked: KeyedRequest, run: Run): void {
    switch (run.is) {
      case 'ran':
        events.tell(run.kept === undefined ? 'released' : 'finished', asked.id, exchange);
        sendAnswer(exchange.res, run.answer);
        return;
      case 'finished':
        again(exchange, asked, run);
        return;
      case 'unfinished':
        if (run.fingerprint !== asked.fingerprint) throw mismatch(exchange, asked);
        events.tell('indeterminate', asked.id, exchange);
        throw indeterminate(asked.id);
      case 'busy':
      case 'moved':
        throw inFlight(exchange, asked);
    }
  }

  /** What was answered before, to the same request; to another its key is no use. */
  function again(exchange: Exchange, asked: KeyedRequest, { fingerprint, answer }: News): void {
    if (fingerprint !== asked.fingerprint) throw mismatch(exchange, asked);
    if (answer.body === undefined && answer.kind !== 'none') {
      const location = Object.entries(answer.headers).find(([name]) => /^location$/i.test(name));
      throw notReplayable(answer.status, location === undefined ? undefined : String(location[1]));
    }
    events.tell('replayed', asked.id, exchange);
    exchange.res.setHeader(REPLAYED_HEADER, 'true');
    sendAnswer(exchange.res, answer);
  }

  function mismatch(exchange: Exchange, { id }: KeyedRequest): Error {
    events.tell('mismatch', id, exchange);
    return keyReused();
  }

  function inFlight(exchange: Exchange, { id }: KeyedRequest): Error {
    events.tell('in-flight', id, exchange);
    return stillRunning(retryAfterMs);
  }

  const component = Object.assign(wrap, {
    [COMPONENT]: 1 as const,
    stats: (): Stats => ({ ...events.stats(), running: busy.size, waiting: room.size }),
    close: () => room.close(),
  });
  return Object.defineProperty(component, 'name', { value: 'dedup:transactional' });
}

function resolve<Tx>(options: Given<TransactionalOptions<Tx>>): Readonly<TransactionalOptions<Tx>> {
  const checks: Checks<TransactionalOptions<Tx>> = {
    ...KEEPING_CHECKS,
    records: shape<TransactionRecords<Tx>>('records', ['take', 'finish', 'release']),
    transaction: func<Transaction<Tx>>(),
    inFlight: oneOf('refuse', 'wait'),
    maxAttempts: integer({ min: 1, max: 100 }),
  };
  const resolved = resolveOptions<Partial<TransactionalOptions<Tx>>>(
    'transactional',
    TRANSACTIONAL_DEFAULTS,
    checks,
    options,
  );
  const missing = (['records', 'transaction'] as const).filter(
    (name) => resolved[name] === undefined,
  );
  if (missing.length > 0) {
    throw new OptionError(
      'transactional',
      missing.map((name) => `option "${name}" is needed, and is ${checks[name].expected}.`),
    );
  }
  return resolved as Readonly<TransactionalOptions<Tx>>;
}
