/** What a reading of SQL comes to. */

/** What a run of tokens says: how often each. */
export class Reading {
  /** Places where it is no SQL. */
  faults: number = 0;
  /** Tokens read. */
  length: number = 0;
  /** Comparisons of two constants behind AND, OR, HAVING or WHERE. */
  tautologies: number = 0;
  /** Other comparisons, functions and subqueries behind AND or OR. */
  conditions: number = 0;
  /** Those of them in which a function or subquery takes part. */
  computed: number = 0;
  /** CASE WHEN … END. */
  cases: number = 0;
  /** AND or OR with nothing but a constant behind it. */
  constants: number = 0;
  comparisons: number = 0;
  unions: number = 0;
  /** UNION without SELECT. */
  openUnions: number = 0;
  subqueries: number = 0;
  selects: number = 0;
  /** WHERE, HAVING, GROUP BY, ORDER BY, LIMIT, INTO, PROCEDURE. */
  clauses: number = 0;
  /** FROM. */
  sources: number = 0;
  /** Statements behind another, or behind a value. */
  stacked: number = 0;
  functions: number = 0;
  /** Functions inside of functions. */
  nested: number = 0;
  telling: number = 0;
  variables: number = 0;
  /** Parentheses closed that were not opened, and opened that were not closed. */
  closed: number = 0;
  open: number = 0;
  commas: number = 0;
  operators: number = 0;
  stars: number = 0;
  semicolons: number = 0;
  /** It ends in a comment. */
  cut: boolean = false;
  /** It ends in a string without an end: its quote. */
  openQuote: string = '';
  /** Where the first part that tells something stands. */
  at: number = -1;
}
