/**
 * How every component is, and whom it blames. Where health takes part it knows already, with the
 * checks that are no components and the roots of their failures; otherwise the components are
 * asked here, seldom, each within its time, and never twice at once.
 */
import { type Clock, type Component, type HealthReport, within } from '@org/core';

import type { Reading } from './reading.ts';

/** One check, as the page shows it. */
export interface CheckState {
  readonly name: string;
  /** `pass`, `warn`, `fail`, or `unknown`. */
  readonly status: string;
  /** Whether the service cannot serve without it; one that is optional only degrades. */
  readonly isCritical: boolean;
  readonly detail: string | undefined;
  readonly causes: string | undefined;
  /** How long the last run took, in ms. */
  readonly durationMs: number | undefined;
}

/** Pause between two rounds of questions, in ms. */
const PAUSE_MS = 10_000;
/** Time that one component has for its answer, in ms. */
const TIME_LIMIT_MS = 2000;

/** The states that health knows. */
export function knownStates(health: Reading): readonly CheckState[] {
  return health.entries('checks').map(([name, check]) => ({
    name,
    status: check.text('status') ?? 'unknown',
    isCritical: check.text('critical') !== 'false',
    detail: check.text('detail'),
    causes: check.text('causes'),
    durationMs: check.number('durationMs'),
  }));
}

/** Asks components how they are, where nobody else does. */
export class CheckStates {
  private readonly clock: Clock;
  private states: readonly CheckState[] = [];
  private askedMs = Number.NEGATIVE_INFINITY;
  private asking: AbortController | undefined = undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** What is known; asks anew where that is old. */
  read(components: readonly Component[]): readonly CheckState[] {
    const nowMs = this.clock.monotonicMs();
    if (this.asking === undefined && nowMs - this.askedMs >= PAUSE_MS) {
      this.askedMs = nowMs;
      void this.ask(components.filter(({ health }) => health !== undefined));
    }
    return this.states;
  }

  close(): void {
    this.asking?.abort();
  }

  private async ask(components: readonly Component[]): Promise<void> {
    const giveUp = new AbortController();
    this.asking = giveUp;
    this.states = await Promise.all(components.map((one) => this.stateOf(one, giveUp.signal)));
    // Whoever has not answered by now need not.
    giveUp.abort();
    this.asking = undefined;
  }

  private async stateOf(component: Component, signal: AbortSignal): Promise<CheckState> {
    const { name } = component;
    const { clock } = this;
    const begunMs = clock.monotonicMs();
    let answer: HealthReport = { status: 'fail', detail: 'did not answer in time' };
    try {
      await within(TIME_LIMIT_MS, clock, async () => {
        const given = await component.health?.(signal);
        if (given !== undefined) answer = given;
      });
    } catch (error) {
      answer = { status: 'fail', detail: String(error).slice(0, 160) };
    }
    return {
      name,
      status: answer.status,
      isCritical: true,
      detail: answer.detail,
      causes: answer.causes?.join(', '),
      durationMs: clock.monotonicMs() - begunMs,
    };
  }
}
