/**
 * Transactions and savepoints as query builders end them: by name, one at a time. Each becomes one of
 * the session's own, so that limits, events and the refusal of finished work hold for builders, too.
 */
import type { Given } from '@org/core';

import type { OpenTransaction } from './scope.ts';
import type { Session } from './session.ts';
import type { TransactionOptions } from './transaction-options.ts';

/** What a query builder has open on one connection of its own mind. */
export class ScopeStack {
  private readonly session: Session;
  private readonly open: { readonly name: string; readonly scope: OpenTransaction }[] = [];

  constructor(session: Session) {
    this.session = session;
  }

  /** Where a statement goes: the innermost that is open, or the session. */
  get innermost(): Session {
    return this.open.at(-1)?.scope ?? this.session;
  }

  begin(options?: Given<TransactionOptions>): void {
    this.open.push({ name: '', scope: this.session.begin(options) });
  }

  savepoint(name: string): void {
    const scope = this.innermost.begin({ propagation: 'savepoint', readOnly: true });
    this.open.push({ name, scope });
  }

  /** Commits everything. */
  async commit(): Promise<void> {
    while (this.open.length > 0) {
      // oxlint-disable-next-line no-await-in-loop -- the innermost first
      await this.open.pop()!.scope.commit();
    }
  }

  async rollback(): Promise<void> {
    while (this.open.length > 0) {
      // oxlint-disable-next-line no-await-in-loop
      await this.open.pop()!.scope.rollback();
    }
  }

  async release(name: string): Promise<void> {
    for (const { scope } of this.downTo(name)) {
      // oxlint-disable-next-line no-await-in-loop
      await scope.commit();
    }
  }

  /** Takes back what was done since; the savepoint stays, as SQL has it. */
  async rollbackTo(name: string): Promise<void> {
    for (const { scope } of this.downTo(name)) {
      // oxlint-disable-next-line no-await-in-loop
      await scope.rollback();
    }
    this.savepoint(name);
  }

  /** Takes the savepoint and all within it off, the innermost first. */
  private downTo(name: string): readonly { readonly scope: OpenTransaction }[] {
    const at = this.open.findLastIndex((one) => one.name === name);
    if (at === -1) throw new Error(`There is no savepoint ${JSON.stringify(name)}.`);
    return this.open.splice(at).toReversed();
  }
}
