/** A user of a store: a service of two processes' worth of it, and what it has promised. */
import type { Given } from '@org/core';
import type { RedisStore, RedisStoreOptions } from '@org/redis';

import type { Dice } from './dice.ts';

/** Where Redis is, and by what everything else is drawn. */
export interface Surroundings {
  /** With the limit of a call where the packages' own are not meant. */
  readonly address: Given<RedisStoreOptions>;
  readonly dice: Dice;
}

/** What was seen of its policy. */
export class Findings {
  /** Promises that were not kept. */
  readonly broken: string[] = [];
  readonly seen: string[] = [];

  claim(isKept: boolean, promise: string): void {
    if (!isKept) this.broken.push(promise);
  }

  note(text: string): void {
    this.seen.push(text);
  }
}

/** How a fault looks to those who ask whether a promise holds. */
export interface Situation {
  /** Nothing is answered by Redis at the moment. */
  readonly isAway: boolean;
  /** Redis has, or will have again, all that it has acknowledged. */
  readonly remembers: boolean;
}

/** A user at work. */
export interface Subject {
  readonly stores: readonly RedisStore[];
  /** One request, and the status it was answered with. Load repeats it. Never rejects. */
  ask(): Promise<number>;
  /** Statuses that its policy allows under load. */
  readonly allowed: ReadonlySet<number>;
  /** Whether its processes share what they know at the moment, as far as they tell. */
  isShared(): boolean | Promise<boolean>;
  /** Looks at its policy while the fault lasts. */
  during(situation: Situation, findings: Findings): Promise<void>;
  /** Looks at what has become of everything, once the fault is over and nothing is asked any more. */
  after(situation: Situation, findings: Findings): Promise<void>;
  close(): Promise<void>;
}

export interface User {
  readonly name: string;
  /** What it promises while its store is away, in a few words. */
  readonly policy: string;
  /** Of a call to the store, in ms; nothing where no request waits for one. */
  readonly limitMs: number | undefined;
  start(surroundings: Surroundings): Promise<Subject>;
}
