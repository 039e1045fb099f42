/** Opens after so many failures in a row. */
import type { Strategy } from './strategy.ts';

export class Consecutive implements Strategy {
  private readonly failures: number;
  private inARow: number = 0;

  constructor(failures: number) {
    this.failures = failures;
  }

  count(failed: boolean): boolean {
    this.inARow = failed ? this.inARow + 1 : 0;
    return this.inARow >= this.failures;
  }

  reset(): void {
    this.inARow = 0;
  }

  describe(): string {
    return `${this.inARow} failures in a row`;
  }
}
