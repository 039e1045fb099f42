/** One policy at work: what it was told, how it counts, and whom it remembers. */
import type { Clock } from '@org/core';

import type { Algorithm } from './algorithm.ts';
import { algorithmOf } from './algorithms.ts';
import { Keys } from './keys.ts';
import type { PolicyOptions } from './policy-options.ts';

export class Policy {
  /** What names its counters in a store: policies of several routes may bear one name. */
  readonly id: string;
  readonly name: string;
  readonly options: Readonly<PolicyOptions>;
  readonly algorithm: Algorithm;
  readonly keys: Keys;
  /** Units that can be had at once while nothing is lowered. */
  readonly fullCapacity: number;

  /** @param clock where fixed windows lie, if processes must agree */
  constructor(
    id: string,
    name: string,
    options: Readonly<PolicyOptions>,
    maxKeys: number,
    clock?: Clock,
  ) {
    this.id = id;
    this.name = name;
    this.options = options;
    this.algorithm = algorithmOf(options, clock);
    this.keys = new Keys(this.algorithm, maxKeys);
    this.fullCapacity = this.algorithm.capacity;
  }
}
