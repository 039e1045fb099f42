/** The calls that a rate is taken of: those of the last while, or the last so many. */
export interface Window {
  /** Calls within the window. */
  readonly calls: number;
  /** How many of them were what is looked for. */
  readonly hits: number;
  add(hit: boolean, nowMs: number): void;
  clear(): void;
}
