/** Users of a store under load while its server has a fault: what was asked, answered, promised and kept. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault as ReportedFault, FAULT_CHANNEL } from '@org/core';

import type { Dice } from './dice.ts';
import type { Fault } from './faults.ts';
import { Load, type Sample } from './load.ts';
import { until } from './until.ts';
import { Findings, type Subject, type User } from './user.ts';

/** How long each part lasts, in ms. */
export interface Timing {
  readonly everyMs: number;
  /** What calls to a store may take; the packages' own limits where absent. */
  readonly callMs?: number;
  /** Before the fault. */
  readonly quietMs: number;
  /** From the fault on: calls fail, and breakers open. */
  readonly firstMs: number;
  /** Then, until it ends. */
  readonly laterMs: number;
  /** Once everything shares again. */
  readonly afterMs: number;
}

/** What one user went through. */
export interface Outcome {
  readonly user: User;
  readonly samples: readonly Sample[];
  readonly findings: Findings;
  /** Calls that its stores let through to Redis while their breakers were open; undefined where none was. */
  readonly callsWhileOpen: number | undefined;
  /** How long after the end of the fault it shared again, in ms; undefined where it never did. */
  readonly returnMs: number | undefined;
}

export interface Trial {
  readonly drawn: string;
  /** Faults that were reported, by where they happened. */
  readonly reports: ReadonlyMap<string, number>;
  readonly outcomes: readonly Outcome[];
}

/** The longest that a fault may take to be noticed, and a user to share again, in ms. */
const PATIENCE_MS = 40_000;

/** Has users live through a fault, all of them over the same server. */
export async function tryFault(
  fault: Fault,
  users: readonly User[],
  dice: Dice,
  timing: Timing,
): Promise<Trial> {
  const reports = new Map<string, number>();
  const hear = (message: unknown): void => {
    const { where } = message as ReportedFault;
    reports.set(where, (reports.get(where) ?? 0) + 1);
  };
  subscribe(FAULT_CHANNEL, hear);
  const scene = await fault.prepare(dice);
  const address = { ...scene.address, timeoutMs: timing.callMs };
  const subjects: {
    readonly user: User;
    readonly subject: Subject;
    readonly findings: Findings;
  }[] = [];
  const loads: Load[] = [];
  const enter = async (phase: string, forMs: number): Promise<void> => {
    for (const load of loads) load.enter(phase);
    await sleep(forMs);
  };
  try {
    for (const user of users) {
      const subject = await user.start({ address, dice });
      subjects.push({ user, subject, findings: new Findings() });
    }
    for (const { user, subject, findings } of subjects) {
      const isShared = await until(() => subject.isShared(), PATIENCE_MS);
      findings.claim(isShared, `${user.name} shares before anything has happened`);
      loads.push(new Load(() => subject.ask(), timing.everyMs));
    }
    await enter('quiet', timing.quietMs);
    const drawn = await scene.strike();
    await enter('first', timing.firstMs);
    const open = fault.isAway ? await opened(subjects.map(({ subject }) => subject)) : [];
    await enter('later', timing.laterMs);
    const callsWhileOpen = subjects.map(({ subject }, at) =>
      open[at] === undefined ? undefined : callsOf(subject) - open[at],
    );
    for (const { subject, findings } of subjects) await subject.during(fault, findings);
    await scene.heal();
    const healedAt = performance.now();
    await enter('return', 0);
    const returned = await Promise.all(
      subjects.map(async ({ subject, findings }) => {
        const isShared = await until(() => subject.isShared(), PATIENCE_MS);
        findings.claim(isShared, 'shares again once the fault is over');
        return isShared ? performance.now() - healedAt : undefined;
      }),
    );
    await enter('after', timing.afterMs);
    await Promise.all(loads.map((load) => load.stop()));
    const outcomes = subjects.map(async ({ user, subject, findings }, at): Promise<Outcome> => {
      const { samples } = loads[at]!;
      const others = new Set(
        samples.map(({ status }) => status).filter((one) => !subject.allowed.has(one)),
      );
      findings.claim(others.size === 0, `answers with ${[...others].join(', ')}`);
      await subject.after(fault, findings);
      return {
        user,
        samples,
        findings,
        callsWhileOpen: callsWhileOpen[at],
        returnMs: returned[at],
      };
    });
    return { drawn, reports, outcomes: await Promise.all(outcomes) };
  } finally {
    await Promise.all(loads.map((load) => load.stop()));
    for (const { subject } of subjects) await subject.close();
    await scene.close();
    unsubscribe(FAULT_CHANNEL, hear);
  }
}

/** Waits until no store of a user lets calls through; answers how many each had let through by then. */
async function opened(subjects: readonly Subject[]): Promise<readonly (number | undefined)[]> {
  return Promise.all(
    subjects.map(async (subject) => {
      if (subject.stores.length === 0) return undefined;
      const isOpen = await until(
        () =>
          subject.stores.every((store) => {
            const { connected, nodesAway } = store.stats();
            return connected === false || Number(nodesAway) > 0;
          }),
        PATIENCE_MS,
      );
      return isOpen ? callsOf(subject) : undefined;
    }),
  );
}

function callsOf({ stores }: Subject): number {
  return stores.reduce((sum, store) => sum + Number(store.stats()['callsTotal']), 0);
}
