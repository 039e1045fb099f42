/** One check of a packed package, and what it found wrong; nothing, if it passed. */
export interface Check {
  readonly what: string;
  readonly faults: readonly string[];
}

/** Turns an action that throws into a check that fails. */
export function attempt(what: string, action: () => void): Check {
  try {
    action();
    return { what, faults: [] };
  } catch (error) {
    return { what, faults: [error instanceof Error ? error.message : String(error)] };
  }
}
