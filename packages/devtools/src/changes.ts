/** What differs between two answers, gathered up to a bound. */

/** One difference; `before` or `after` is absent for what was added or removed. */
export interface AnswerChange {
  readonly part: 'status' | 'header' | 'body';
  /** Name of the header; JSON Pointer or `line 3` of the body, empty for all of it. */
  readonly at: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface AnswerDiff {
  readonly same: boolean;
  readonly changes: readonly AnswerChange[];
  /** Differences that a rule left out. */
  readonly masked: number;
  /** There are more changes, or only the beginnings of the bodies could be compared. */
  readonly incomplete: boolean;
}

/** How many changes are told. */
export const MAX_CHANGES = 100;

/** Gathers changes up to their bound. */
export class Changes {
  readonly list: AnswerChange[] = [];
  masked: number = 0;
  incomplete: boolean = false;

  add(change: AnswerChange): void {
    if (this.list.length < MAX_CHANGES) this.list.push(change);
    else this.incomplete = true;
  }

  get isFull(): boolean {
    return this.incomplete && this.list.length >= MAX_CHANGES;
  }
}
