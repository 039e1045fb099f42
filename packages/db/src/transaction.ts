/**
 * A transaction on a connection of its own. Nothing is taken before its first statement: one that has
 * none costs nothing.
 */
import { type CallSite, callSite, type Cancel } from '@org/core';

import { commitUnknown, isLost, isTimeLimit, rolledBack, tooLong } from './database-errors.ts';
import type { QueryResult } from './driver.ts';
import type { Asked, Claimant } from './engine.ts';
import type { Lease } from './lease.ts';
import { Scope } from './scope.ts';
import type { RequestSession } from './session.ts';
import { beginText, type TransactionOptions } from './transaction-options.ts';

/** The server counts the same time, and may be over with it by so much sooner, in ms. */
const SERVER_FIRST_MS = 10;

/** The whole of a transaction. */
export class WholeTransaction extends Scope implements Claimant {
  /** A transaction that waits for this one, on another connection. */
  readonly within: WholeTransaction | undefined;
  private opening: Promise<Lease> | undefined = undefined;
  private lease: Lease | undefined = undefined;
  private cancelTimer: Cancel | undefined = undefined;
  /** When its own time is over, in monotonic ms. */
  private endsMs: number = Infinity;

  constructor(
    session: RequestSession,
    options: TransactionOptions,
    site: CallSite | undefined,
    within?: WholeTransaction,
  ) {
    super(session, options, site);
    this.within = within;
  }

  override get whole(): WholeTransaction {
    return this;
  }

  /** Whether it has a connection, or is about to have one. */
  get hasBegun(): boolean {
    return this.opening !== undefined;
  }

  /** Ends it where nothing was done in it, and nobody takes part; says whether that is so. */
  endUnused(): boolean {
    if (this.hasBegun || this.isShared) return false;
    this.finish('committed', undefined, callSite(this.endUnused));
    return true;
  }

  /** Ends it for a reason that all further work on it is told; what runs is stopped. */
  giveUp(reason: unknown): void {
    if (!this.isOpen) return;
    if (this.lease?.stop() === true) this.session.engine.counts.cancelled++;
    void this.rollback(reason);
  }

  protected override async work(asked: Asked): Promise<QueryResult<never>> {
    // What waited for its turn may have waited past the end.
    this.refuseTakenBack();
    const lease = await (this.opening ??= this.open());
    this.refuseTakenBack();
    try {
      return await this.session.engine.run(lease, asked, this.exchange);
    } catch (error) {
      if (isTimeLimit(error) && this.isOver) this.giveUp(tooLong(this.options.timeoutMs!));
      throw error;
    }
  }

  private get isOver(): boolean {
    return this.session.engine.settings.clock.monotonicMs() >= this.endsMs - SERVER_FIRST_MS;
  }

  protected override async seal(): Promise<void> {
    const { counts } = this.session.engine;
    const { lease } = this;
    if (lease === undefined) return;
    try {
      const { command } = await lease.run({ text: 'COMMIT' });
      // So the server answers where it could not (Postgres manual, COMMIT).
      if (command === 'ROLLBACK') throw rolledBack(undefined);
      counts.committed++;
    } catch (error) {
      if (isLost(error)) {
        counts.commitUnknown++;
        throw commitUnknown(error);
      }
      counts.rolledBack++;
      throw error;
    } finally {
      this.giveBack(lease);
    }
  }

  protected override async revert(): Promise<void> {
    const { opening } = this;
    if (opening === undefined) return;
    this.lease?.stop();
    const lease = await opening.catch(() => undefined);
    if (lease === undefined) return;
    // Of what runs nothing shall remain.
    lease.stop();
    await this.turns.settle();
    await lease.rollback();
    this.session.engine.counts.rolledBack++;
    this.giveBack(lease);
  }

  private async open(): Promise<Lease> {
    const { engine } = this.session;
    const text = this.beginning();
    const lease = await this.beginOn(await engine.lease(this), text).catch(async (error) => {
      // One that was lost while it was idle has done nothing: another takes its place, once.
      if (!isLost(error)) throw error;
      return this.beginOn(await engine.lease(this), text);
    });
    engine.counts.begun++;
    engine.counts.active++;
    const { timeoutMs } = this.options;
    if (timeoutMs !== undefined) {
      const { clock } = engine.settings;
      this.endsMs = clock.monotonicMs() + timeoutMs;
      this.cancelTimer = clock.after(timeoutMs, () => this.giveUp(tooLong(timeoutMs)));
    }
    return (this.lease = lease);
  }

  private async beginOn(lease: Lease, text: string): Promise<Lease> {
    try {
      await lease.script(text);
      return lease;
    } catch (error) {
      // It may have begun, and failed after that: the next one must not be in it.
      await lease.rollback();
      lease.giveBack();
      throw error;
    }
  }

  /** Its limits reach the server: what is left of the request's time, of its own, or what holds for all. */
  private beginning(): string {
    const { statementTimeoutMs, idleInTransactionTimeoutMs } = this.session.engine.settings;
    const leftMs = Math.min(
      this.options.timeoutMs ?? Infinity,
      this.exchange?.remainingMs ?? Infinity,
    );
    const limit = (ownMs: number): number => {
      const ms = Math.min(leftMs, ownMs === 0 ? Infinity : ownMs);
      return ms === Infinity ? 0 : Math.max(1, Math.ceil(ms));
    };
    return beginText(this.options, {
      statementMs: limit(statementTimeoutMs),
      idleMs: limit(idleInTransactionTimeoutMs),
    });
  }

  private giveBack(lease: Lease): void {
    this.cancelTimer?.();
    this.session.engine.counts.active--;
    lease.giveBack();
  }
}
