/** A part of a transaction that can be rolled back alone. It begins with its first statement. */
import type { CallSite } from '@org/core';
import type { QueryResult } from './driver.ts';
import type { Asked } from './engine.ts';
import { Scope } from './scope.ts';
import type { WholeTransaction } from './transaction.ts';
import type { TransactionOptions } from './transaction-options.ts';

/** A part of `around`. */
export class Savepoint extends Scope {
  private readonly around: Scope;
  private readonly name: string;
  private opening: Promise<unknown> | undefined = undefined;

  constructor(
    around: Scope,
    options: TransactionOptions,
    site: CallSite | undefined,
    name: string,
  ) {
    super(around.session, options, site);
    this.around = around;
    this.name = name;
    around.enter();
    around.part = this;
  }

  override get whole(): WholeTransaction {
    return this.around.whole;
  }

  protected override async work(asked: Asked): Promise<QueryResult<never>> {
    this.refuseTakenBack();
    await (this.opening ??= this.around.send(this.say(`SAVEPOINT ${this.name}`)));
    this.refuseTakenBack();
    return this.around.pass(asked);
  }

  protected override async seal(): Promise<void> {
    try {
      if (this.opening !== undefined) {
        await this.around.send(this.say(`RELEASE SAVEPOINT ${this.name}`));
      }
    } finally {
      this.gone();
    }
  }

  protected override async revert(): Promise<void> {
    await this.turns.settle();
    try {
      if (this.opening !== undefined && this.around.isOpen) {
        await this.around.pass(this.say(`ROLLBACK TO SAVEPOINT ${this.name}`));
        await this.around.pass(this.say(`RELEASE SAVEPOINT ${this.name}`));
      }
    } catch (error) {
      this.around.doom(error);
    } finally {
      this.gone();
    }
  }

  private gone(): void {
    if (this.around.part === this) this.around.part = undefined;
    this.around.leave();
  }

  private say(text: string): Asked {
    return { statement: { text }, site: undefined };
  }
}
