/** Whether Redis is away. An outage is reported once, however many attempts it takes to end it. */
import { report } from '@org/core';

import { reasonOf } from './reason.ts';

export class Outage {
  outagesTotal: number = 0;
  private readonly name: string;
  private reason: Error | undefined = undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Why Redis is away; nothing while it is there. */
  get cause(): Error | undefined {
    return this.reason;
  }

  begin(error: unknown): void {
    if (this.reason !== undefined) return;
    this.reason = reasonOf(error);
    this.outagesTotal++;
    report(new Error(`Redis is not available: ${this.reason.message}`), this.name);
  }

  end(): void {
    this.reason = undefined;
  }
}
