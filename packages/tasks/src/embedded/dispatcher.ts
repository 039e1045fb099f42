/**
 * Says which job begins next: types take turns, each as many at once as it may and all of them as
 * many as the process may; and one turn of the event loop begins a bounded number, so that requests
 * have theirs.
 */
import type { Cancel } from '@org/core';

import { Lane } from './lane.ts';
import type { StoredJob } from './stored-job.ts';

/** Jobs that one turn of the event loop begins. */
const TURN = 128;

/** What it works with. */
export interface DispatcherSettings {
  /** Jobs of all types at once. */
  readonly concurrency: number;
  readonly ageingMs: number;
  /** Begins a job, which has its place already. */
  readonly begin: (job: StoredJob) => void;
}

/** The lanes of all types. */
export class Dispatcher {
  private readonly settings: DispatcherSettings;
  private readonly byType: Map<string, Lane> = new Map();
  /** The lanes in turn. */
  private readonly ring: Lane[] = [];
  private turn: number = 0;
  private paused: boolean = false;
  private cancelTurn: Cancel | undefined = undefined;
  /** Jobs that have begun. */
  active: number = 0;

  constructor(settings: DispatcherSettings) {
    this.settings = settings;
  }

  lane(type: string): Lane {
    let lane = this.byType.get(type);
    if (lane === undefined) {
      lane = new Lane(type, this.settings.ageingMs);
      this.byType.set(type, lane);
      this.ring.push(lane);
    }
    return lane;
  }

  /** Something can begin, perhaps: looks in the next turn of the event loop. */
  wake(): void {
    if (this.cancelTurn !== undefined || this.paused) return;
    const immediate = setImmediate(() => {
      this.cancelTurn = undefined;
      this.dispatch();
    });
    this.cancelTurn = () => clearImmediate(immediate);
  }

  /** A job has ended, and its place is free: of its own type, or of one that has a slot left. */
  leave(lane: Lane): void {
    lane.active--;
    this.active--;
    if (lane.isReady || this.ring.some((other) => other.isReady)) this.wake();
  }

  /** Begins no more. */
  pause(): void {
    this.paused = true;
    this.cancelTurn?.();
    this.cancelTurn = undefined;
  }

  private dispatch(): void {
    const { concurrency, begin } = this.settings;
    let begun = 0;
    let idle = 0;
    while (idle < this.ring.length && this.active < concurrency && !this.paused) {
      this.turn = (this.turn + 1) % this.ring.length;
      const lane = this.ring[this.turn]!;
      if (!lane.isReady) {
        idle++;
        continue;
      }
      if (begun === TURN) {
        this.wake();
        return;
      }
      idle = 0;
      begun++;
      lane.active++;
      this.active++;
      begin(lane.pop()!);
    }
  }
}
