/**
 * The start of the components as a whole: in the order in which they need each
 * other, each within its time. Their end is core's `closeInOrder`.
 */
import {
  type Clock,
  closeInOrder,
  dependencyOrder,
  MAX_DELAY_MS,
  type Part,
  within,
} from '@org/core';

import { SetupError } from './setup-error.ts';

/** Dependencies first; otherwise as given. @throws SetupError for a circle */
export function startOrder(parts: readonly Part[]): readonly Part[] {
  return dependencyOrder(parts, (names) => {
    throw new SetupError(
      `these require each other: ${names.join(' requires ')}. Drop one of the relations.`,
    );
  });
}

/**
 * Starts parts one after the other. When one fails or takes too long, those that
 * have started are closed again and the error names the culprit.
 */
export async function startAll(
  parts: readonly Part[],
  budgetMs: number,
  clock: Clock,
): Promise<void> {
  const started: Part[] = [];
  // Timers of a clock keep nothing alive: without this, a start that hangs ends the process in silence.
  const hold = setInterval(() => undefined, MAX_DELAY_MS);
  try {
    for (const part of parts) {
      started.push(part);
      const failure = await failureOf(part, budgetMs, clock);
      if (failure === undefined) continue;
      await closeInOrder(started.toReversed(), budgetMs, clock);
      throw new SetupError(`"${part.name}" ${failure.what}.`, { cause: failure.cause });
    }
  } finally {
    clearInterval(hold);
  }
}

async function failureOf(
  part: Part,
  budgetMs: number,
  clock: Clock,
): Promise<{ what: string; cause?: unknown } | undefined> {
  try {
    const inTime = await within(budgetMs, clock, () => part.start?.());
    return inTime ? undefined : { what: `did not start within ${budgetMs} ms` };
  } catch (cause) {
    return { what: `could not start: ${String(cause)}`, cause };
  }
}
