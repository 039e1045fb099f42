/** What the panels of one sample are made from: every component's numbers, read once. */
import { type Component, type HostState, report, type Traffic } from '@org/core';

import type { CheckState } from './check-states.ts';
import type { ProcessState } from './process-gauge.ts';
import type { Rates } from './rates.ts';
import { Reading } from './reading.ts';

/** One look at the whole. */
export interface Sources {
  readonly state: HostState | undefined;
  /** Numbers by the name of their component, in the order in which components start. */
  readonly stats: ReadonlyMap<string, Reading>;
  readonly traffic: readonly Traffic[];
  readonly checks: readonly CheckState[];
  readonly process: ProcessState;
  readonly rates: Rates;
}

/** Asks components for their numbers; one that throws has none, and is reported the first time. */
export class StatsReader {
  private readonly reported = new WeakSet<Component>();

  read(components: Iterable<Component>): Map<string, Reading> {
    const stats = new Map<string, Reading>();
    for (const component of components) {
      try {
        const numbers = component.stats?.();
        if (numbers !== undefined) stats.set(component.name, new Reading(numbers));
      } catch (error) {
        if (!this.reported.has(component)) report(error, `stats of ${component.name}`);
        this.reported.add(component);
      }
    }
    return stats;
  }
}

/** Components of one name, and those that somebody has called after it: `circuit`, `weather:circuit`. */
export function family(
  { stats }: Sources,
  name: string,
): readonly (readonly [name: string, numbers: Reading])[] {
  return [...stats].filter(([own]) => own === name || own.endsWith(`:${name}`));
}

/** The parts of a component that stands in several places of the order: `security:headers`. */
export function partsOf(
  { stats }: Sources,
  name: string,
): readonly (readonly [part: string, numbers: Reading])[] {
  const prefix = `${name}:`;
  return [...stats].flatMap(([own, numbers]) =>
    own.startsWith(prefix) ? [[own.slice(prefix.length), numbers] as const] : [],
  );
}
