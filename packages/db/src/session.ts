/**
 * A request's interface to the database. It has no connection until the first statement, and none any
 * longer than it needs one: a statement alone gives it back at once, a transaction at its end. What is
 * asked of the session goes to the innermost transaction that is open in it.
 */
import { type CallSite, callSite, type Exchange, type Given } from '@org/core';
import type { Request } from 'express';

import { isContention, requestAborted, transactionError } from './database-errors.ts';
import type { QueryResult, Statement } from './driver.ts';
import type { Asked, Engine } from './engine.ts';
import type { Lease } from './lease.ts';
import { backoff } from './backoff.ts';
import { refuseMismatch } from './propagation.ts';
import { Savepoint } from './savepoint.ts';
import type { OpenTransaction, Scope, Transaction } from './scope.ts';
import { WholeTransaction } from './transaction.ts';
import { type TransactionOptions, transactionOptions } from './transaction-options.ts';

/** Texts of statements that are told apart in one session. */
const MAX_TEXTS = 200;
/** Places of one of them that are remembered: what comes again so often has been found by then. */
const MAX_PLACES = 50;

/** Runs statements and transactions for one request, or for a job of its own. */
export interface Session {
  /** The request it works for. */
  readonly exchange: Exchange | undefined;
  /**
   * Runs a statement, with `$1` and so on in the place of values.
   * @throws ProblemError `ERR_DATABASE_BUSY`, `ERR_DATABASE_UNAVAILABLE`, `ERR_TRANSACTION_FINISHED`;
   * the server's own errors come as they are, with their SQLSTATE as `code`
   */
  query<R = Record<string, unknown>>(
    statement: string | Statement,
    values?: readonly unknown[],
  ): Promise<QueryResult<R>>;
  /**
   * Runs work in a transaction: commits when it resolves, rolls back when it rejects.
   * @throws OptionError for unknown or wrong options; otherwise what `work` or the commit rejects with
   */
  transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    options?: Given<TransactionOptions>,
  ): Promise<T>;
  /** A transaction that is ended by hand; whoever forgets to has an orphan. For query builders. */
  begin(options?: Given<TransactionOptions>): OpenTransaction;
}

/** Where sessions come from: what query builders need of `db(…)`. */
export interface Sessions {
  of(from: Request | Exchange): Session;
  session(): Session;
}

/** The session of a request, or of none. */
export class RequestSession implements Session {
  readonly engine: Engine;
  readonly exchange: Exchange | undefined;
  /** The transaction of the whole request, where it has one. */
  whole: WholeTransaction | undefined = undefined;
  private readonly open: Scope[] = [];
  private readonly alone: Set<Lease> = new Set();
  private savepoints: number = 0;
  private refusal: unknown = undefined;
  /** What was asked for while somebody listened, and how often. */
  private texts: Map<string, number> | undefined = undefined;

  constructor(engine: Engine, exchange?: Exchange) {
    this.engine = engine;
    this.exchange = exchange;
  }

  /** All that is asked of it from here on is one transaction, which whoever calls this ends. */
  unite(options: TransactionOptions): void {
    this.whole ??= new WholeTransaction(this, options, callSite(this.unite));
  }

  query<R = Record<string, unknown>>(
    statement: string | Statement,
    values?: readonly unknown[],
  ): Promise<QueryResult<R>> {
    const asked = this.asked(statement, values, this.query);
    const { innermost } = this;
    return innermost === undefined ? this.runAlone(asked) : innermost.send(asked);
  }

  transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    options?: Given<TransactionOptions>,
  ): Promise<T> {
    return this.runWithin(this.innermost, work, options, callSite(this.transaction));
  }

  begin(options?: Given<TransactionOptions>): OpenTransaction {
    return this.beginWithin(this.innermost, options, callSite(this.begin));
  }

  /** Runs work in a transaction, of which `around` may be the whole. */
  async runWithin<T>(
    around: Scope | undefined,
    work: (transaction: Transaction) => Promise<T>,
    given: Given<TransactionOptions> | undefined,
    site: CallSite,
  ): Promise<T> {
    const options = transactionOptions(given);
    this.refuseLate();
    if (around === undefined || options.propagation === 'requires-new') {
      return this.runNew(around, work, options, site);
    }
    refuseMismatch(around.whole.options, options);
    if (options.propagation === 'required') return around.join(work);
    return this.runOnce(this.savepoint(around, options, site), work);
  }

  /** As `runWithin`, for those who end it themselves. */
  beginWithin(
    around: Scope | undefined,
    given: Given<TransactionOptions> | undefined,
    site: CallSite,
  ): OpenTransaction {
    const options = transactionOptions(given);
    this.refuseLate();
    if (around !== undefined && options.propagation !== 'requires-new') {
      refuseMismatch(around.whole.options, options);
    }
    const isNew = around === undefined || options.propagation === 'requires-new';
    const scope = isNew
      ? new WholeTransaction(this, options, site, holderOf(around))
      : this.savepoint(around, options, site);
    return this.endedByHand(scope);
  }

  /** A statement on its way; `below` is the function that was called. */
  asked(
    given: string | Statement,
    values: readonly unknown[] | undefined,
    // oxlint-disable-next-line typescript/no-unsafe-function-type
    below: Function,
  ): Asked {
    const statement = typeof given === 'string' ? { text: given, values } : given;
    const isSought = this.engine.events.listening && this.isSought(statement.text);
    return { statement, site: isSought ? callSite(below) : undefined };
  }

  /** The request has been given up: what runs is stopped, and nothing more is begun. */
  giveUp(): void {
    this.refusal = requestAborted();
    for (const scope of [...this.open].toReversed()) {
      if (scope instanceof WholeTransaction) scope.giveUp(this.refusal);
    }
    this.whole?.giveUp(this.refusal);
    for (const lease of this.alone) {
      if (lease.stop()) this.engine.counts.cancelled++;
    }
  }

  /** Where its work goes. What is being committed takes no more: that is asked for after it. */
  private get innermost(): Scope | undefined {
    return this.open.findLast(({ isOpen }) => isOpen) ?? this.whole;
  }

  /** To remember a place costs a third of a statement: only what comes again is worth it. */
  private isSought(text: string): boolean {
    const texts = (this.texts ??= new Map());
    const count = texts.get(text) ?? 0;
    if (count > 0 || texts.size < MAX_TEXTS) texts.set(text, count + 1);
    return count > 0 && count <= MAX_PLACES;
  }

  private async runAlone<R>(asked: Asked): Promise<QueryResult<R>> {
    this.refuseLate();
    const lease = await this.engine.lease({ exchange: this.exchange, site: asked.site });
    try {
      this.refuseLate();
      this.alone.add(lease);
      return await this.engine.run(lease, asked, this.exchange);
    } catch (error) {
      this.refuseLate();
      throw error;
    } finally {
      this.alone.delete(lease);
      lease.giveBack();
    }
  }

  /** The whole work again, while it only lost against others, and there is time. */
  private async runNew<T>(
    around: Scope | undefined,
    work: (transaction: Transaction) => Promise<T>,
    options: TransactionOptions,
    site: CallSite,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const scope = new WholeTransaction(this, options, site, holderOf(around));
        // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
        return await this.runOnce(scope, work);
      } catch (error) {
        const { clock, random } = this.engine.settings;
        const waitMs = backoff(attempt, random);
        const remainingMs = this.exchange?.remainingMs ?? Infinity;
        if (attempt > options.retries || !isContention(error) || waitMs >= remainingMs) {
          throw transactionError(error);
        }
        this.engine.counts.retried++;
        // oxlint-disable-next-line no-await-in-loop
        await new Promise<void>((resolve) => void clock.after(waitMs, resolve));
        this.refuseLate();
      }
    }
  }

  private async runOnce<T>(
    scope: Scope,
    work: (transaction: Transaction) => Promise<T>,
  ): Promise<T> {
    this.open.push(scope);
    try {
      const result = await work(scope);
      // Where it was begun is where it ends: looking again would cost and tell nothing.
      await scope.commit(scope.site);
      return result;
    } catch (error) {
      await scope.rollback(undefined, scope.site);
      throw error;
    } finally {
      this.remove(scope);
    }
  }

  private savepoint(around: Scope, options: TransactionOptions, site: CallSite): Savepoint {
    // One after the other on the same connection: a part that is open has the next one in it.
    let innermost = around;
    while (innermost.part?.isOpen === true) innermost = innermost.part;
    return new Savepoint(innermost, options, site, `part_${++this.savepoints}`);
  }

  private endedByHand(scope: Scope): OpenTransaction {
    this.open.push(scope);
    const ended = async (end: Promise<void>): Promise<void> => {
      try {
        await end;
      } finally {
        this.remove(scope);
      }
    };
    return {
      exchange: scope.exchange,
      get isOpen() {
        return scope.isOpen;
      },
      query: (statement, values) => scope.query(statement, values),
      transaction: (work, options) => scope.transaction(work, options),
      begin: (options) => scope.begin(options),
      commit: () => ended(scope.commit()),
      rollback: () => ended(scope.rollback()),
    };
  }

  private remove(scope: Scope): void {
    const at = this.open.indexOf(scope);
    if (at !== -1) this.open.splice(at, 1);
  }

  private refuseLate(): void {
    if (this.refusal !== undefined) throw this.refusal;
  }
}

/** The transaction that has the connection of a scope. */
function holderOf(scope: Scope | undefined): WholeTransaction | undefined {
  return scope?.whole.hasBegun === true ? scope.whole : undefined;
}
