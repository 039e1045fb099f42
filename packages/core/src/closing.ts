/**
 * The end of several components: dependants before what they depend on, each within
 * its time, so that one that hangs or fails holds up nobody else. `setup` closes the
 * whole by it, and a package that stands alone what it was given.
 */
import type { Clock } from './clock.ts';
import type { Component } from './component.ts';

/** A component with what it needs to have started before it. */
export type Part = Component & { readonly requires?: readonly string[] };

/**
 * Dependencies first; otherwise as given. A circle has no right order: `onCircle`
 * gets its names and may throw; otherwise it is broken where it closes.
 */
export function dependencyOrder(
  parts: readonly Part[],
  onCircle: (names: readonly string[]) => void = () => undefined,
): readonly Part[] {
  const byName = new Map(parts.map((part) => [part.name, part]));
  const ordered = new Set<Part>();
  const visit = (part: Part, path: readonly string[]): void => {
    if (ordered.has(part)) return;
    if (path.includes(part.name)) {
      onCircle([...path.slice(path.indexOf(part.name)), part.name]);
      return;
    }
    for (const needed of part.requires ?? []) {
      const dependency = byName.get(needed);
      if (dependency !== undefined) visit(dependency, [...path, part.name]);
    }
    ordered.add(part);
  };
  for (const part of parts) visit(part, []);
  return [...ordered];
}

/** What closing is called for in a report, and what does it. */
export interface Closing {
  readonly name: string;
  close?(signal: AbortSignal): unknown;
}

/** What has happened so far; `waiting` have not been closed yet, the first of them is being closed. */
export interface ClosingProgress {
  readonly waiting: string[];
  readonly closed: string[];
  readonly hung: string[];
  readonly failed: { readonly name: string; readonly error: unknown }[];
}

/** A progress in which nothing has happened. */
export function closingProgress(): ClosingProgress {
  return { waiting: [], closed: [], hung: [], failed: [] };
}

/**
 * Closes one after the other, each for at most `budgetMs`, and keeps `progress`. The
 * signal that each one gets aborts when its time is over. Never rejects.
 */
export async function closeInOrder(
  closings: readonly Closing[],
  budgetMs: number,
  clock: Clock,
  progress: ClosingProgress = closingProgress(),
): Promise<ClosingProgress> {
  progress.waiting.push(...closings.map(({ name }) => name));
  for (const closing of closings) {
    const { name } = closing;
    const giveUp = new AbortController();
    try {
      const inTime = await within(budgetMs, clock, () => closing.close?.(giveUp.signal));
      (inTime ? progress.closed : progress.hung).push(name);
    } catch (error) {
      progress.failed.push({ name, error });
    }
    progress.waiting.shift();
    giveUp.abort();
  }
  return progress;
}

/** Whether `work` was done within `budgetMs`; rejects as it does. */
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
