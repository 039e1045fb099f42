/** A statement that has ended, however it was heard of. */
import type { Exchange } from '@org/core';

/** Name of the diagnostics channel on which `@org/db` tells of statements. */
export const QUERY_CHANNEL = '@org/db:query';

/** What is to be known of a statement; values are not. */
export interface QueryRecord {
  /** The request it ran for. @default none */
  readonly exchange?: Exchange | undefined;
  /** Its SQL. Literals in it are folded before anything of it is kept. */
  readonly text: string;
  /** From sending it to its answer, in ms; NaN where nobody knows. */
  readonly durationMs: number;
  /** Rows that it brought, or changed. */
  readonly rows?: number | undefined;
  /** What it failed with. */
  readonly error?: unknown;
  /** The app's line that asked for it; may be looked up when it is read. */
  readonly callSite?: string | undefined;
}
