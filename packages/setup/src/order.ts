/**
 * The order of a stack: by phase; within a phase by what stands before and after
 * whom, then by priority, then as given. What cannot be is an error that names both
 * parties and the fix, never a guess.
 */
import { type Middleware, nearest, type Phase, PHASE_REASONS, PHASES } from '@org/core';

import { SetupError } from './setup-error.ts';

/** A middleware with its place, and why it is there. */
export interface Placed {
  readonly middleware: Middleware;
  readonly priority: number;
  /** One line for a person. */
  readonly reason: string;
}

/** Priorities that replace the middlewares' own, by name. */
export type Priorities = Readonly<Record<string, number | undefined>>;

/**
 * Resolves the order.
 * @throws SetupError for a relation that points against the phases, or in a circle
 */
export function resolveOrder(
  middlewares: readonly Middleware[],
  priorities: Priorities = {},
): readonly Placed[] {
  const byName = new Map(middlewares.map((one) => [one.name, one]));
  const predecessors = relations(middlewares, byName);
  return PHASES.flatMap((phase) =>
    orderPhase(
      phase,
      middlewares.filter((one) => one.phase === phase),
      predecessors,
      priorities,
    ),
  );
}

/** Throws where somebody requires what is not there. */
export function checkRequires(
  components: readonly { readonly name: string; readonly requires?: readonly string[] }[],
  disabled: ReadonlySet<string> = new Set(),
): void {
  const names = components.map(({ name }) => name);
  for (const { name, requires = [] } of components) {
    for (const needed of requires) {
      if (names.includes(needed)) continue;
      const guess = nearest(needed, names);
      const fix = disabled.has(needed)
        ? `"${needed}" is disabled: enable it, or disable "${name}" too.`
        : `Add "${needed}" to the components, or remove "${name}".${guess === undefined ? '' : ` Did you mean "${guess}"?`}`;
      throw new SetupError(`"${name}" requires "${needed}", which is not there. ${fix}`);
    }
  }
}

/** For each name, the middlewares of its own phase that must run before it. */
function relations(
  middlewares: readonly Middleware[],
  byName: ReadonlyMap<string, Middleware>,
): Map<string, Set<string>> {
  const predecessors = new Map(middlewares.map(({ name }) => [name, new Set<string>()]));
  const relate = (
    first: string,
    second: string,
    word: 'before' | 'after',
    stated: string,
  ): void => {
    const [one, other] = [byName.get(first), byName.get(second)];
    if (one === undefined || other === undefined) return;
    const [rankOne, rankOther] = [PHASES.indexOf(one.phase), PHASES.indexOf(other.phase)];
    if (rankOne > rankOther) {
      const partner = stated === first ? second : first;
      throw new SetupError(
        `"${stated}" must run ${word} "${partner}", but "${one.name}" is in phase "${one.phase}" and ` +
          `"${other.name}" in the earlier phase "${other.phase}". Move one of them to the other's phase, or drop the relation.`,
      );
    }
    if (rankOne === rankOther) predecessors.get(second)!.add(first);
  };
  for (const { name, before = [], after = [] } of middlewares) {
    for (const later of before) relate(name, later, 'before', name);
    for (const earlier of after) relate(earlier, name, 'after', name);
  }
  return predecessors;
}

function orderPhase(
  phase: Phase,
  members: readonly Middleware[],
  predecessors: ReadonlyMap<string, ReadonlySet<string>>,
  priorities: Priorities,
): Placed[] {
  const priorityOf = (one: Middleware): number => priorities[one.name] ?? one.priority;
  // Sorting is stable: those of one priority stay as given.
  const waiting = members.toSorted((a, b) => priorityOf(a) - priorityOf(b));
  const placed: Placed[] = [];
  const done = new Set<string>();
  while (waiting.length > 0) {
    const at = waiting.findIndex((one) =>
      [...predecessors.get(one.name)!].every((name) => done.has(name)),
    );
    if (at === -1) throw circle(waiting, predecessors, done);
    const [middleware] = waiting.splice(at, 1) as [Middleware];
    done.add(middleware.name);
    const priority = priorityOf(middleware);
    const reason = placeReason(phase, middleware, priority, predecessors.get(middleware.name)!);
    placed.push({ middleware, priority, reason });
  }
  return placed;
}

function placeReason(
  phase: Phase,
  { reason = PHASE_REASONS[phase] }: Middleware,
  priority: number,
  predecessors: ReadonlySet<string>,
): string {
  const after = predecessors.size === 0 ? '' : `, after ${[...predecessors].join(' and ')}`;
  return `${reason} (priority ${priority}${after})`;
}

function circle(
  waiting: readonly Middleware[],
  predecessors: ReadonlyMap<string, ReadonlySet<string>>,
  done: ReadonlySet<string>,
): SetupError {
  const path: string[] = [];
  let at = waiting[0]!.name;
  while (!path.includes(at)) {
    path.push(at);
    at = [...predecessors.get(at)!].find((name) => !done.has(name))!;
  }
  const names = [...path.slice(path.indexOf(at)), at].toReversed();
  return new SetupError(
    `these wait for each other: ${names.map((name) => `"${name}"`).join(' before ')}. ` +
      `Drop one of their "before" or "after" relations.`,
  );
}
