/** The numbers of a circuit. */
import type { HealthReport, Stats } from '@org/core';

import { addCounts, noCounts } from './counts.ts';
import type { Guard } from './guard.ts';
import type { Pool } from './pool.ts';
import type { SharedState } from './shared-state.ts';

/** Breakers that are shown one by one; the worst, where there are more. */
const SHOWN = 50;

/** The numbers of one breaker. */
export function statsOf({ machine, bulkhead }: Guard): Stats {
  const { kind, healthRatio, inflight, counts } = machine;
  return { state: kind, healthRatio, inflight, waiting: bulkhead?.waiting ?? 0, ...counts };
}

/** The numbers of all of them, and of each. */
export function snapshot(
  guards: readonly Guard[],
  pool: Pool,
  shared: SharedState | undefined,
): Stats {
  const counts = noCounts();
  addCounts(counts, pool.past);
  const states = { closed: 0, open: 0, 'half-open': 0, isolated: 0 };
  for (const { machine } of guards) {
    addCounts(counts, machine.counts);
    states[machine.kind]++;
  }
  const scores = guards.map((guard) => ({ guard, score: guard.machine.healthRatio }));
  const shown = guards.length > SHOWN ? scores.toSorted((a, b) => a.score - b.score) : scores;
  return {
    count: guards.length,
    closed: states.closed,
    open: states.open,
    halfOpen: states['half-open'],
    isolated: states.isolated,
    healthRatio: scores.reduce((least, { score }) => Math.min(least, score), 1),
    ...counts,
    evictedTotal: pool.evictedTotal,
    ...shared?.stats(),
    breakers: Object.fromEntries(
      shown.slice(0, SHOWN).map(({ guard }) => [guard.machine.name, statsOf(guard)]),
    ),
  };
}

/** A service that knows what fails behind it is no failure itself. */
export function healthOf(guards: readonly Guard[]): HealthReport {
  const troubled = guards.filter(({ machine }) => machine.kind !== 'closed');
  if (troubled.length === 0) return { status: 'pass' };
  const named = troubled
    .slice(0, 5)
    .map(({ machine }) => `"${machine.name}" is ${machine.kind}`)
    .join(', ');
  const more = troubled.length > 5 ? `, and ${troubled.length - 5} more` : '';
  return { status: 'warn', detail: `circuit ${named}${more}` };
}
