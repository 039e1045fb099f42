/**
 * What a transaction and a part of one (a savepoint) have in common: statements run in it while it is
 * open, others may take part in it, and once it has ended it refuses work and says where it ended.
 */
import { type CallSite, callSite, type Exchange, type Given } from '@org/core';

import { stackOf } from './call-site.ts';
import { finished, rolledBack } from './database-errors.ts';
import type { QueryResult, Statement } from './driver.ts';
import type { Asked } from './engine.ts';
import type { RequestSession, Session } from './session.ts';
import type { WholeTransaction } from './transaction.ts';
import type { TransactionOptions } from './transaction-options.ts';
import { Turns } from './turns.ts';

/** A transaction that is open. What runs on it is committed, or rolled back, with it. */
export interface Transaction extends Session {
  /** Whether it takes statements. */
  readonly isOpen: boolean;
}

/** A transaction that somebody ends by hand, such as a query builder. */
export interface OpenTransaction extends Transaction {
  /** @throws ProblemError `ERR_TRANSACTION_ROLLED_BACK`, `ERR_COMMIT_UNKNOWN`, or the server's own error */
  commit(): Promise<void>;
  /** Takes back what was done. Never rejects, and does nothing to what has ended. */
  rollback(): Promise<void>;
}

/** How something ended. */
interface End {
  how: 'committed' | 'rolled back';
  readonly site: CallSite;
  readonly reason: unknown;
}

/** Anything that statements run in, and that ends as a whole. */
export abstract class Scope implements OpenTransaction {
  readonly session: RequestSession;
  readonly options: TransactionOptions;
  /** Where it began. */
  readonly site: CallSite | undefined;
  /** A part of it that is open. */
  part: Scope | undefined = undefined;
  protected end: End | undefined = undefined;
  /** Why it can only be rolled back. */
  protected failure: { readonly reason: unknown } | undefined = undefined;
  /** Its statements run one after the other, however they are asked for. */
  protected readonly turns: Turns = new Turns();
  private participants: number = 0;
  /** Those who wait until nobody else takes part. */
  private readonly onAlone: (() => void)[] = [];

  constructor(session: RequestSession, options: TransactionOptions, site: CallSite | undefined) {
    this.session = session;
    this.options = options;
    this.site = site;
  }

  get exchange(): Exchange | undefined {
    return this.session.exchange;
  }

  get isOpen(): boolean {
    return this.end === undefined;
  }

  query<R = Record<string, unknown>>(
    statement: string | Statement,
    values?: readonly unknown[],
  ): Promise<QueryResult<R>> {
    return this.send(this.session.asked(statement, values, this.query));
  }

  transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    options?: Given<TransactionOptions>,
  ): Promise<T> {
    return this.session.runWithin(this, work, options, callSite(this.transaction));
  }

  begin(options?: Given<TransactionOptions>): OpenTransaction {
    return this.session.beginWithin(this, options, callSite(this.begin));
  }

  /** Runs a statement in it. @throws ProblemError `ERR_TRANSACTION_FINISHED` */
  async send<R>(asked: Asked): Promise<QueryResult<R>> {
    this.refuseEnded();
    return this.turns.take(async () => {
      try {
        return await this.work(asked);
      } catch (error) {
        // The server refuses all that follows until a rollback; so a commit could only be a lie.
        if (this.end?.how !== 'rolled back') this.failure ??= { reason: error };
        throw this.end?.reason ?? error;
      }
    });
  }

  /** Work of somebody else takes part: it has to be through before this ends, and must not fail. */
  async join<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    this.refuseEnded();
    this.enter();
    try {
      return await work(this);
    } catch (error) {
      this.doom(error);
      throw error;
    } finally {
      this.leave();
    }
  }

  /** Whether others take part. */
  get isShared(): boolean {
    return this.participants > 0;
  }

  enter(): void {
    this.participants++;
  }

  leave(): void {
    if (--this.participants === 0) this.tellAlone();
  }

  /** It can only be rolled back from here on. */
  doom(reason: unknown): void {
    this.failure ??= { reason };
  }

  async commit(site?: CallSite): Promise<void> {
    this.refuseEnded();
    while (this.participants > 0 && this.isOpen) {
      // oxlint-disable-next-line no-await-in-loop -- others may come while one is waited for
      await new Promise<void>((resolve) => this.onAlone.push(resolve));
    }
    // It may have been given up meanwhile.
    this.refuseEnded();
    this.finish('committed', undefined, site ?? callSite(this.commit));
    // What was asked for before, and is not awaited by anybody, is part of it.
    await this.turns.settle();
    try {
      if (this.failure === undefined) await this.seal();
    } catch (error) {
      this.end!.how = 'rolled back';
      throw error;
    }
    if (this.failure === undefined) return;
    this.end!.how = 'rolled back';
    await this.revert();
    throw rolledBack(this.failure.reason);
  }

  async rollback(reason?: unknown, site?: CallSite): Promise<void> {
    if (this.end !== undefined) return;
    this.finish('rolled back', reason, site ?? callSite(this.rollback));
    await this.revert();
  }

  /** Runs a statement of a part of it: that it fails is the part's to bear. */
  pass(asked: Asked): Promise<QueryResult<never>> {
    return this.turns.take(() => this.work(asked));
  }

  /** The transaction that it is, or is a part of. */
  abstract get whole(): WholeTransaction;
  /** Runs a statement where it belongs, when it is its turn. */
  protected abstract work(asked: Asked): Promise<QueryResult<never>>;
  /** Makes what was done last. */
  protected abstract seal(): Promise<void>;
  /** Takes what was done back. */
  protected abstract revert(): Promise<void>;

  protected finish(how: End['how'], reason: unknown, site: CallSite): void {
    this.end = { how, site, reason };
    // Whoever waits to commit it need not wait for the others any more.
    this.tellAlone();
    // A part of what has ended has ended, too.
    if (this.part?.end === undefined) this.part?.finish(how, reason, site);
  }

  private tellAlone(): void {
    for (const go of this.onAlone.splice(0)) go();
  }

  /** For what waited for its turn. */
  protected refuseTakenBack(): void {
    if (this.end?.how === 'rolled back') this.refuseEnded();
  }

  protected refuseEnded(): void {
    if (this.end === undefined) return;
    const { how, site, reason } = this.end;
    throw reason ?? finished(how, stackOf(site));
  }
}
