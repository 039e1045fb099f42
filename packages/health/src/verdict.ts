/**
 * From single checks to a verdict: what fails because of what it depends on, and
 * what a group of checks amounts to. Pure functions over a snapshot.
 */
import type { HealthStatus } from '@org/core';

import type { CheckStatus } from './check.ts';

/** What the verdict needs to know of a check. */
export interface Finding {
  readonly name: string;
  /** Found by the check itself. */
  readonly status: CheckStatus;
  readonly critical: boolean;
  readonly dependsOn: readonly string[];
  /** Names that the check itself blames. */
  readonly blames: readonly string[];
}

/** A check as it is with all that it depends on. */
export interface Verdict {
  readonly status: CheckStatus;
  /** Where it began: names at the end of the chain of dependencies. */
  readonly causes: readonly string[];
}

/** From good to bad. What is not known cannot be relied on, but may be well. */
const ORDER: readonly CheckStatus[] = ['pass', 'warn', 'unknown', 'fail'];

/** The verdict on every check, dependencies included. */
export function verdicts(findings: readonly Finding[]): ReadonlyMap<string, Verdict> {
  const byName = new Map(findings.map((finding) => [finding.name, finding]));
  const done = new Map<string, Verdict>();
  const judge = (name: string, above: readonly string[]): Verdict => {
    const known = done.get(name);
    if (known !== undefined) return known;
    const finding = byName.get(name);
    if (finding === undefined || above.includes(name)) return { status: 'unknown', causes: [name] };
    const within = [...above, name];
    let { status } = finding;
    const causes = new Set<string>();
    for (const needed of finding.dependsOn) {
      const { status: theirs, causes: roots } = judge(needed, within);
      if (theirs === 'pass') continue;
      status = worse(status, byName.get(needed)?.critical === false ? 'warn' : theirs);
      for (const root of roots.length > 0 ? roots : [needed]) causes.add(root);
    }
    if (finding.status !== 'pass') for (const blamed of finding.blames) causes.add(blamed);
    const verdict = { status, causes: [...causes] };
    done.set(name, verdict);
    return verdict;
  };
  for (const { name } of findings) judge(name, []);
  return done;
}

/** What a group amounts to: an optional check can only make it degraded. */
export function groupStatus(
  members: readonly { readonly status: CheckStatus; readonly critical: boolean }[],
): HealthStatus {
  let status: CheckStatus = 'pass';
  for (const member of members) {
    const bad = member.status === 'fail' || member.status === 'unknown';
    status = worse(status, bad ? (member.critical ? 'fail' : 'warn') : member.status);
  }
  return status as HealthStatus;
}

/** A way from a check back to itself through dependencies, or nothing. */
export function cycleIn(
  edges: ReadonlyMap<string, readonly string[]>,
): readonly string[] | undefined {
  const safe = new Set<string>();
  const walk = (name: string, above: readonly string[]): readonly string[] | undefined => {
    if (above.includes(name)) return [...above.slice(above.indexOf(name)), name];
    if (safe.has(name)) return undefined;
    for (const needed of edges.get(name) ?? []) {
      const cycle = walk(needed, [...above, name]);
      if (cycle !== undefined) return cycle;
    }
    safe.add(name);
    return undefined;
  };
  for (const name of edges.keys()) {
    const cycle = walk(name, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

function worse(one: CheckStatus, other: CheckStatus): CheckStatus {
  return ORDER.indexOf(other) > ORDER.indexOf(one) ? other : one;
}
