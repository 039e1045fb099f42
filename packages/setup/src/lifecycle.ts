/**
 * The life of the components as a whole: they start in the order in which they need
 * each other and close the other way round, each with a time budget, so that one
 * that hangs holds up nobody else.
 */
import type { CloseReport, Component } from '@org/core';

import { SetupError } from './setup-error.ts';

/** A component with what it needs to have started before it. */
export type Part = Component & { readonly requires?: readonly string[] };

/** Dependencies first; otherwise as given. @throws SetupError for a circle */
export function dependencyOrder(parts: readonly Part[]): readonly Part[] {
  const byName = new Map(parts.map((part) => [part.name, part]));
  const ordered = new Set<Part>();
  const visit = (part: Part, path: readonly string[]): void => {
    if (ordered.has(part)) return;
    if (path.includes(part.name)) {
      const circle = [...path.slice(path.indexOf(part.name)), part.name];
      throw new SetupError(
        `these require each other: ${circle.join(' requires ')}. Drop one of the relations.`,
      );
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

/**
 * Starts parts one after the other. When one fails or takes too long, those that
 * have started are closed again and the error names the culprit.
 */
export async function startAll(parts: readonly Part[], budgetMs: number): Promise<void> {
  const started: Part[] = [];
  for (const part of parts) {
    try {
      await within(budgetMs, () => part.start?.());
      started.push(part);
    } catch (error) {
      await closeAll([...started, part], budgetMs);
      const what =
        error === TIMED_OUT
          ? `did not start within ${budgetMs} ms`
          : `could not start: ${String(error)}`;
      throw new SetupError(`"${part.name}" ${what}.`, { cause: error });
    }
  }
}

/** Closes parts, last started first, each within its budget; reports what hung or failed. */
export async function closeAll(parts: readonly Part[], budgetMs: number): Promise<CloseReport> {
  const begunMs = performance.now();
  const closed: string[] = [];
  const hung: string[] = [];
  const failed: { name: string; error: unknown }[] = [];
  for (const part of parts.toReversed()) {
    const giveUp = new AbortController();
    try {
      await within(budgetMs, () => part.close?.(giveUp.signal));
      closed.push(part.name);
    } catch (error) {
      if (error === TIMED_OUT) hung.push(part.name);
      else failed.push({ name: part.name, error });
      giveUp.abort();
    }
  }
  return { closed, hung, failed, durationMs: performance.now() - begunMs };
}

const TIMED_OUT: unique symbol = Symbol('timed out');

async function within(
  budgetMs: number,
  work: () => void | Promise<void> | undefined,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(TIMED_OUT as unknown as Error), budgetMs);
  });
  try {
    await Promise.race([Promise.resolve(work()), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
