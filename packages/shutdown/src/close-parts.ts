/** Closes components without a host: dependants before what they depend on, each within its time. */
import type { Clock, Component } from '@org/core';

type Part = Component & { readonly requires?: readonly string[] };

/** What closing is called for in a report, with what does it. */
export interface Closing {
  readonly name: string;
  close(signal: AbortSignal): unknown;
}

/** Components as closings, dependants first, otherwise last first. */
export function closingOrder(components: readonly Component[]): readonly Closing[] {
  const ordered = new Set<Part>();
  const byName = new Map(components.map((part) => [part.name, part as Part]));
  const visit = (part: Part, path: readonly Part[]): void => {
    // A circle has no right order: it is broken where it closes.
    if (ordered.has(part) || path.includes(part)) return;
    for (const needed of part.requires ?? []) {
      const dependency = byName.get(needed);
      if (dependency !== undefined) visit(dependency, [...path, part]);
    }
    ordered.add(part);
  };
  for (const part of components) visit(part, []);
  return [...ordered].toReversed().map((part) => ({
    name: part.name,
    close: (signal) => part.close?.(signal),
  }));
}

/** What has happened so far; `waiting` have not been closed yet. */
export interface Progress {
  readonly waiting: string[];
  readonly closed: string[];
  readonly hung: string[];
  readonly failed: { readonly name: string; readonly error: unknown }[];
}

/** Closes one after the other, and keeps `progress`; who hangs or fails holds up nobody else. */
export async function closeInOrder(
  closings: readonly Closing[],
  budgetMs: number,
  clock: Clock,
  progress: Progress,
): Promise<void> {
  progress.waiting.push(...closings.map(({ name }) => name));
  for (const { name, close } of closings) {
    const giveUp = new AbortController();
    try {
      const inTime = await within(budgetMs, clock, () => close(giveUp.signal));
      (inTime ? progress.closed : progress.hung).push(name);
    } catch (error) {
      progress.failed.push({ name, error });
    }
    progress.waiting.shift();
    giveUp.abort();
  }
}

/** Whether `work` was done in time; rejects as it does. */
export async function within(
  budgetMs: number,
  clock: Clock,
  work: () => unknown,
): Promise<boolean> {
  let cancel: () => void = () => undefined;
  const timeout = new Promise<boolean>((resolve) => {
    cancel = clock.after(budgetMs, () => resolve(false));
  });
  try {
    return await Promise.race([Promise.resolve(work()).then(() => true), timeout]);
  } finally {
    cancel();
  }
}
