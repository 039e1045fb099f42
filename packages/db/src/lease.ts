/**
 * A connection that a session has, from taking it to giving it back in a state that the next one can
 * work with: rolled back after a cancelled statement, destroyed where nobody knows.
 */
import type { Clock } from '@org/core';

import { isLost, unavailable } from './database-errors.ts';
import type { Connection, QueryResult, Statement } from './driver.ts';
import { within } from './within.ts';

/** A connection in a session's hands. */
export class Lease {
  private readonly connection: Connection;
  private readonly clock: Clock;
  private readonly timeoutMs: number;
  private running: Promise<unknown> | undefined = undefined;
  private stopping: Promise<void> | undefined = undefined;
  /** Nobody knows what state it is in. */
  broken: boolean = false;

  /** @param timeoutMs that the server has to stop a statement, or to roll back */
  constructor(connection: Connection, clock: Clock, timeoutMs: number) {
    this.connection = connection;
    this.clock = clock;
    this.timeoutMs = timeoutMs;
  }

  run(statement: Statement): Promise<QueryResult<never>> {
    return this.follow(this.connection.run(statement));
  }

  script(text: string): Promise<unknown> {
    return this.follow(this.connection.script(text));
  }

  /** Stops what runs, and says whether something did. It ends soon, with an error of its own. */
  stop(): boolean {
    const { running, stopping, connection } = this;
    if (running === undefined || stopping !== undefined || connection.cancel === undefined) {
      return false;
    }
    this.stopping = this.stopNow(running);
    return true;
  }

  /** Ends what a transaction has begun. Never rejects. */
  async rollback(): Promise<void> {
    await this.stopping;
    if (this.broken) return;
    try {
      await this.timed(this.run({ text: 'ROLLBACK' }));
      this.stopping = undefined;
    } catch {
      this.broken = true;
    }
  }

  /** Gives it back; nothing may run. */
  giveBack(): void {
    if (this.stopping === undefined || this.broken) this.connection.release(this.broken);
    // The server may still be about to stop something: it stops this, and nothing of the next one.
    else void this.rollback().then(() => this.connection.release(this.broken));
  }

  private async stopNow(running: Promise<unknown>): Promise<void> {
    const quiet = running.catch(() => undefined);
    try {
      await this.timed(Promise.all([this.connection.cancel!(), quiet]));
    } catch {
      this.broken = true;
      // What ran ends with the connection.
      this.connection.release(true);
    }
  }

  private timed<T>(work: Promise<T>): Promise<T> {
    const error = (): Error => new Error(`The server did not answer within ${this.timeoutMs} ms.`);
    return within(this.clock, this.timeoutMs, work, { error });
  }

  private async follow<T>(work: Promise<T>): Promise<T> {
    this.running = work;
    try {
      return await work;
    } catch (error) {
      if (!isLost(error)) throw error;
      this.broken = true;
      throw unavailable(error);
    } finally {
      this.running = undefined;
    }
  }
}
